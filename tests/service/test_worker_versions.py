"""Old and new workers side by side: campaigns move to the version that is made current."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from campaign.instants import HOUR
from campaign.settings import Settings
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from carriers.pretend import PretendCarrier, PretendSettings
from service.campaign_workflows import workflow_id
from service.campaigns import CampaignService
from service.worker_versions import become_current_if_first
from store.accounts.accounts import AccountView
from store.store import Store
from tests.conftest import Served, Story
from worker import build_worker

pytestmark = pytest.mark.one_store
REACHED_SECONDS = 30.0


def versioned(story: Story, build: str) -> Settings:
    return story.settings.model_copy(update={"worker_build": build})


@asynccontextmanager
async def worker_of(story: Story, build: str) -> AsyncIterator[None]:
    settings = versioned(story, build)
    carrier = PretendCarrier(
        PretendSettings(base_url=story.carrier.base_url), settings.send_timeout_seconds
    )
    async with build_worker(story.client, settings, story.store, carrier):
        yield
    await carrier.close()


async def make_current(story: Story, build: str) -> None:
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=story.client.namespace, deployment_name=story.settings.task_queue, build_id=build
    )
    async with asyncio.timeout(REACHED_SECONDS):
        while True:
            # Refused until the server knows of a worker of the build on each task queue.
            with contextlib.suppress(RPCError):
                await story.client.workflow_service.set_worker_deployment_current_version(request)
                return
            await asyncio.sleep(0.2)


async def builds(story: Story, campaign_id: str) -> list[str]:
    """The builds that completed the workflow's tasks, in order."""
    handle = story.client.get_workflow_handle(workflow_id(campaign_id))
    return [
        event.workflow_task_completed_event_attributes.deployment_version.build_id
        for event in (await handle.fetch_history()).events
        if event.HasField("workflow_task_completed_event_attributes")
    ]


async def reaches(story: Story, campaign_id: str, status: CampaignStatus) -> None:
    async with asyncio.timeout(REACHED_SECONDS):
        while True:
            view = story.store.campaigns.get(campaign_id)
            assert view is not None
            if view.status is status:
                return
            await asyncio.sleep(0.05)


async def moves(story: Story, campaign: CampaignView, build: str) -> None:
    """Give orders until the build has them; the server tells its task queues a little later."""
    async with asyncio.timeout(REACHED_SECONDS):
        while (await builds(story, campaign.id))[-1] != build:
            await story.service.resume(campaign)
            await reaches(story, campaign.id, CampaignStatus.SCHEDULED)
            await story.service.pause(campaign)
            await reaches(story, campaign.id, CampaignStatus.PAUSED)


class Busy:
    """A server that has too much to do when it is asked first, and knows a current version then."""

    namespace = "godwit"

    def __init__(self) -> None:
        self.workflow_service = self
        self.asked = 0

    async def describe_worker_deployment(
        self, request: DescribeWorkerDeploymentRequest
    ) -> DescribeWorkerDeploymentResponse:
        self.asked += 1
        if self.asked == 1:
            raise RPCError("busy", RPCStatusCode.RESOURCE_EXHAUSTED, b"")
        described = DescribeWorkerDeploymentResponse()
        routing = described.worker_deployment_info.routing_config
        routing.current_deployment_version.build_id = "1"
        return described


async def test_a_worker_that_starts_asks_a_busy_server_again(settings: Settings) -> None:
    busy = Busy()
    assert not await become_current_if_first(cast(Client, busy), settings)
    assert busy.asked == 2


@pytest.fixture
def story(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
) -> Story:
    """A story on a real server whose workers the test itself starts."""
    client = real.client
    service = CampaignService(client, store, settings)
    return Story(service, store, account, carrier_server, client, settings, real)


async def test_a_campaign_moves_forward_and_back_with_the_current_version(story: Story) -> None:
    start = await story.now() + HOUR
    async with worker_of(story, "1"):
        assert await become_current_if_first(story.client, versioned(story, "1"))
        assert not await become_current_if_first(story.client, versioned(story, "1"))
        admitted = (await story.service.admit(story.draft(5, scheduled_at=start))).campaign
        async with worker_of(story, "2"):
            # The second build has no part in campaigns until it is made current.
            assert not await become_current_if_first(story.client, versioned(story, "2"))
            await story.service.pause(admitted)
            await reaches(story, admitted.id, CampaignStatus.PAUSED)
            assert set(await builds(story, admitted.id)) == {"1"}
            for build in ("2", "1"):
                await make_current(story, build)
                await moves(story, admitted, build)
            await story.service.cancel(admitted)
            await reaches(story, admitted.id, CampaignStatus.CANCELLED)
            now = (await story.service.admit(story.draft(5, 2_000))).campaign
            await reaches(story, now.id, CampaignStatus.FINISHED)
            assert len(story.carrier.log) == 5
