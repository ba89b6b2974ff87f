"""When workers last polled for the work of campaigns, as Temporal has it."""

from collections.abc import Mapping
from datetime import UTC

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from activities.options import sending_queue
from campaign.instants import Instant, instant_of
from service.temporal import PROBE_TIMEOUT, translate_errors


async def newest_polls(client: Client, task_queue: str) -> Mapping[str, Instant | None]:
    """The newest poll on the task queues of campaigns and of chunks, None where nobody polled.

    By Temporal's clock. It forgets a poller after five minutes. Raises ServiceUnavailable.
    """
    queues = {
        "campaigns": (task_queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
        "sending": (sending_queue(task_queue), TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
    }
    found: dict[str, Instant | None] = {}
    for name, (queue, kind) in queues.items():
        request = DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        )
        with translate_errors(client):
            described = await client.workflow_service.describe_task_queue(
                request, timeout=PROBE_TIMEOUT
            )
        polls = (
            instant_of(poller.last_access_time.ToDatetime(UTC)) for poller in described.pollers
        )
        found[name] = max(polls, default=None)
    return found
