"""Worker versioning: which code of the workflows a worker runs, and which version is current.

Without GODWIT_WORKER_BUILD workers have no version, and a deploy replaces all of them at once. With
it, old and new workers may run side by side: Temporal gives workflow tasks to the current version
alone. A campaign moves to a version that becomes current with its next task, because a run may wait
for weeks and code of every release replays the histories of earlier ones
(https://docs.temporal.io/production-deployment/worker-deployments/worker-versioning).
"""

import asyncio

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from campaign.settings import Settings

KNOWN_SECONDS = 30.0
# It does not know these workers yet, another one was quicker, or many start at once.
PASSING = (
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.UNAVAILABLE,
)


def deployment_config(settings: Settings) -> WorkerDeploymentConfig | None:
    """The version of a worker; None where workers have none.

    The deployment is named by the task queue, so that two installations may share a namespace.
    """
    if not settings.worker_build:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.task_queue, settings.worker_build),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def become_current_if_first(client: Client, settings: Settings) -> bool:
    """Make a build current where no version is, so that a first start needs no other step.

    Call it once workers of the build poll. Returns whether the build became current; a later one
    waits until somebody makes it so. Raises RPCError or TimeoutError when the server does not.
    """
    async with asyncio.timeout(KNOWN_SECONDS):
        while True:
            try:
                return await _become_current_if_first(client, settings)
            except RPCError as error:
                if error.status not in PASSING:
                    raise
            await asyncio.sleep(0.2)


async def _become_current_if_first(client: Client, settings: Settings) -> bool:
    service, namespace, deployment = client.workflow_service, client.namespace, settings.task_queue
    described = await service.describe_worker_deployment(
        DescribeWorkerDeploymentRequest(namespace=namespace, deployment_name=deployment)
    )
    routing = described.worker_deployment_info.routing_config
    if routing.HasField("current_deployment_version"):
        return False
    await service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=namespace,
            deployment_name=deployment,
            build_id=settings.worker_build,
            conflict_token=described.conflict_token,
        )
    )
    return True
