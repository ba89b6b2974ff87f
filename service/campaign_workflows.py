"""The workflows of campaigns as Temporal has them: started, addressed, listed and described."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    ListWorkflowExecutionsRequest,
    SignalWorkflowExecutionRequest,
)
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from campaign.instants import Instant, instant_of
from campaign.orders import Order
from campaign.settings import Settings
from campaign.views import CampaignView
from service.changes import Change, send_update
from service.start_options import campaign_input, start_options
from service.temporal import WorkflowNotFound, namespace_in_use, translate_errors
from telemetry.tracing import continued
from workflows.campaign import CampaignWorkflow
from workflows.records import CampaignResult, CampaignState, OrderInput

Handle = WorkflowHandle[CampaignWorkflow, CampaignResult]
Signal = Callable[..., None]
SIGNALS: dict[Order, Signal] = {
    Order.PAUSE: CampaignWorkflow.pause,
    Order.RESUME: CampaignWorkflow.resume,
    Order.CANCEL: CampaignWorkflow.cancel,
    Order.RETRY: CampaignWorkflow.retry,
}

RUNNING = "WorkflowType = 'Campaign' AND ExecutionStatus = 'Running'"
# Temporal sets it after a few failed tasks in a row, and removes it after one that succeeds.
STUCK = "TemporalReportedProblems IS NOT NULL"
RPC_TIMEOUT = timedelta(seconds=10)
LISTED_AT_ONCE = 1_000
_PREFIX = "campaign:"
_CLOSED = frozenset(
    {
        WorkflowExecutionStatus.COMPLETED,
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.TIMED_OUT,
    }
)


@dataclass(frozen=True, slots=True)
class Closed:
    """How and when the last run of a workflow ended; both None where Temporal knows no run."""

    status: WorkflowExecutionStatus | None = None
    at: Instant | None = None


class CampaignWorkflows:
    """Every call raises ServiceUnavailable when Temporal does not answer or lacks the namespace."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def handle(self, campaign_id: str) -> Handle:
        """The workflow of a campaign, whether it runs or not."""
        return self._client.get_workflow_handle_for(CampaignWorkflow.run, workflow_id(campaign_id))

    async def start_preparing(self, view: CampaignView) -> None:
        """Start the workflow that prepares a campaign; where one runs, nothing happens."""
        with translate_errors(self._client), suppress(WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                CampaignWorkflow.run,
                campaign_input(view, self._settings, prepares=True),
                id=workflow_id(view.id),
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                rpc_timeout=RPC_TIMEOUT,
                **start_options(view, self._settings),
            )

    async def start(
        self, view: CampaignView, state: CampaignState, signal: Signal, *orders: OrderInput
    ) -> None:
        """Start the workflow of an admitted campaign in a given state, and send it a signal.

        Where one runs it only gets the signal, so a repeat does no harm. Without a request that
        starts it, it continues the trace of the one that brought the campaign.
        """
        with translate_errors(self._client), continued(view.traceparent):
            await self._client.start_workflow(
                CampaignWorkflow.run,
                campaign_input(view, self._settings, state),
                id=workflow_id(view.id),
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=signal.__name__,
                start_signal_args=orders,
                rpc_timeout=RPC_TIMEOUT,
                **start_options(view, self._settings),
            )

    async def signal(self, campaign_id: str, signal: Signal, *orders: OrderInput) -> None:
        """Send a signal to a campaign's workflow; raises WorkflowNotFound where none is open.

        With an order it carries its number as the id of the request, so that a repeat adds nothing
        to the history: the server takes it once
        (https://github.com/temporalio/api, SignalWorkflowExecutionRequest.request_id).
        """
        request = SignalWorkflowExecutionRequest(
            namespace=self._client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id(campaign_id)),
            signal_name=signal.__name__,
            identity=self._client.identity,
            request_id=f"order:{orders[0].number}" if orders else uuid.uuid4().hex,
        )
        with translate_errors(self._client):
            payloads = await self._client.data_converter.encode(orders)
            request.input.payloads.extend(payloads)
            await self._client.workflow_service.signal_workflow_execution(
                request, retry=True, timeout=RPC_TIMEOUT
            )

    async def update(self, campaign_id: str, change: Change, timeout: timedelta) -> Instant:
        """See :func:`service.changes.send_update`; raises WorkflowNotFound where none is open."""
        with translate_errors(self._client):
            async with asyncio.timeout(timeout.total_seconds()):
                return await send_update(self.handle(campaign_id), change, timeout)

    async def running(self) -> set[str]:
        """The campaigns whose workflow runs, as the visibility store has it: it lags a little."""
        return await self._listed(RUNNING)

    async def stuck(self) -> set[str]:
        """The campaigns whose workflow fails at each task, such as after a deploy of other code."""
        return await self._listed(f"{RUNNING} AND {STUCK}")

    async def _listed(self, query: str) -> set[str]:
        request = ListWorkflowExecutionsRequest(
            namespace=self._client.namespace, query=query, page_size=LISTED_AT_ONCE
        )
        ids: set[str] = set()
        with translate_errors(self._client):
            while True:
                # The client's own listing decodes every attribute, and only ids are needed.
                page = await self._client.workflow_service.list_workflow_executions(
                    request, retry=True, timeout=RPC_TIMEOUT
                )
                ids.update(one.execution.workflow_id for one in page.executions)
                if not page.next_page_token:
                    return {id.removeprefix(_PREFIX) for id in ids}
                request.next_page_token = page.next_page_token

    async def closed(self, campaign_id: str) -> Closed | None:
        """How the last run of a campaign's workflow ended; None while one runs."""
        try:
            with translate_errors(self._client):
                described = await self.handle(campaign_id).describe(rpc_timeout=RPC_TIMEOUT)
        except WorkflowNotFound:
            return Closed()
        if described.status not in _CLOSED:
            return None
        at = described.close_time
        return Closed(described.status, None if at is None else instant_of(at))


def workflow_page(settings: Settings, campaign_id: str) -> str | None:
    """The page of a campaign's workflow in Temporal's Web UI; None if its URL is not known."""
    if not settings.temporal_ui_url:
        return None
    namespace = namespace_in_use()
    return f"{settings.temporal_ui_url}/namespaces/{namespace}/workflows/{workflow_id(campaign_id)}"


def workflow_id(campaign_id: str) -> str:
    """The workflow id of a campaign; a colon, because a slash breaks Temporal's HTTP API."""
    return f"{_PREFIX}{campaign_id}"
