"""Steps within a workflow task hold no order back, and nothing depends on a cached workflow."""

import asyncio
import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from campaign.instants import DAY
from campaign.settings import Settings
from campaign.states import CampaignStatus
from carriers.pretend import PretendCarrier, PretendSettings
from service.changes import Change
from service.workers import EndingWorker
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store
from tests.conftest import Served, Story, finish, tell
from tests.workflows.steps import steps_of_the_server
from tests.workflows.test_campaign import handle_of, is_paused, until
from worker import build_worker

CACHED = 2


@pytest.mark.one_store
async def test_a_look_at_a_slow_store_holds_no_pause_back(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    monkeypatch.setattr("activities.options.LOCAL_LIMIT", timedelta(seconds=1))
    answered, looks = threading.Event(), list[int]()
    waiting_rows = story.store.admissions.waiting_rows

    def slow(*given: Any) -> Any:
        looks.append(1)
        if len(looks) > 1:
            answered.wait(60)
        return waiting_rows(*given)

    monkeypatch.setattr(story.store.admissions, "waiting_rows", slow)
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    handle = handle_of(story, campaign.id)
    try:
        await story.service.pause(campaign)
        await until(story, campaign.id, is_paused)
        await story.service.resume(campaign)
        async with asyncio.timeout(30):
            # Once in the workflow task, which gives it up, and once more for the server.
            while len(looks) < 3:
                await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            await story.service.pause(campaign)
            await until(story, campaign.id, is_paused)
        assert not answered.is_set()
    finally:
        answered.set()
    await story.service.resume(campaign)
    await until(story, campaign.id, lambda view: view.status is CampaignStatus.SCHEDULED)
    await story.service.cancel(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED
    events = (await handle.fetch_history()).events
    assert "find_next_waves" in steps_of_the_server(events)
    assert audit(story.store.database).findings == ()


@pytest.mark.one_store
async def test_workers_that_cache_two_workflows_replay_the_others_and_lose_nothing(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.EndingWorker", partial(EndingWorker, max_cached_workflows=CACHED))
    carrier = PretendCarrier(PretendSettings(base_url=carrier_server.base_url), 5.0)
    other = await Client.connect(
        real.client.service_client.config.target_host, data_converter=pydantic_data_converter
    )
    async with (
        tell(real, settings, store, account, carrier_server) as story,
        build_worker(other, settings, store, carrier),
    ):
        start = await story.now() + DAY
        drafts = [
            story.draft(5, 1_000 + 10 * number, scheduled_at=start) for number in range(4 * CACHED)
        ]
        admitted = await asyncio.gather(*(story.service.admit(draft) for draft in drafts))
        campaigns = [admission.campaign for admission in admitted]
        for campaign in campaigns[::2]:
            await story.service.pause(campaign)
            await story.service.resume(campaign)
        now = await story.now()
        await asyncio.gather(
            *(story.service.change(campaign, Change(start=now)) for campaign in campaigns)
        )
        ends = await asyncio.gather(*(finish(story, each.id) for each in campaigns))
        assert set(ends) == {CampaignStatus.FINISHED}
        sent = [str(row["reference"]) for row in story.carrier.log]
        assert len(sent) == len(set(sent)) == 5 * len(campaigns)
        assert audit(store.database).findings == ()
    await carrier.close()
