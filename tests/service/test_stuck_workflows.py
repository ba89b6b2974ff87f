"""A campaign whose workflow cannot go on with the code of its workers is found."""

import asyncio
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment

from campaign.instants import HOUR
from campaign.settings import Settings
from store.accounts.accounts import AccountView
from store.store import Store
from tests.conftest import Served, tell
from workflows.campaign import CampaignWorkflow
from workflows.records import CampaignInput, CampaignResult

pytestmark = pytest.mark.one_store
FOUND_SECONDS = 60.0


@workflow.defn(name="Campaign")
class OtherWorkflow:
    """A workflow whose first step is not the one that histories have."""

    @workflow.run
    async def run(self, campaign: CampaignInput) -> CampaignResult:
        """Wait first."""
        await workflow.sleep(timedelta(days=1))
        raise NotImplementedError

    @workflow.signal
    async def pause(self) -> None:
        """Take the order."""


async def test_a_deploy_that_cannot_replay_is_found_and_a_roll_back_mends_it(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with tell(real, settings, store, account, carrier_server) as story:
        start = await story.now() + HOUR
        admitted = (await story.service.admit(story.draft(3, scheduled_at=start))).campaign
        assert await story.service.lost.find_stuck() == []
    monkeypatch.setattr("worker.CampaignWorkflow", OtherWorkflow)
    async with tell(real, settings, store, account, carrier_server) as story:
        await story.service.pause(admitted)
        async with asyncio.timeout(FOUND_SECONDS):
            while await story.service.lost.find_stuck() != [admitted.id]:
                await asyncio.sleep(0.2)
        # It is not lost: it runs.
        assert await story.service.lost.find() == []
    monkeypatch.setattr("worker.CampaignWorkflow", CampaignWorkflow)
    async with tell(real, settings, store, account, carrier_server) as story:
        async with asyncio.timeout(FOUND_SECONDS):
            while await story.service.lost.find_stuck():
                await asyncio.sleep(0.2)
        await story.service.cancel(admitted)
