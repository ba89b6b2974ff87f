"""Drafts left behind are withdrawn, and a step that fails holds up no other."""

import asyncio
from dataclasses import replace
from typing import cast
from unittest.mock import AsyncMock

import pytest
from structlog.testing import capture_logs
from temporalio.testing import WorkflowEnvironment

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.instants import HOUR, MINUTE, Instant
from campaign.refusals import RefusalCode
from campaign.settings import Settings
from campaign.states import CampaignStatus
from service.campaigns import CampaignService
from starter.api.reconciler import CALLBACKS_KEPT, Reconciler
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.clock import wall_clock
from store.store import Store
from tests.conftest import Served, Story, finish, tell
from tests.store.builders import NOW, StoreBuilder


async def test_a_draft_that_no_worker_judged_in_time_is_withdrawn_and_never_sent(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
) -> None:
    settings.admission_timeout_seconds = 0.5
    service = CampaignService(real.client, store, settings)
    async with tell(real, settings, store, account, carrier_server) as story:
        draft = story.draft(10, key="once-more")
    with pytest.raises(ServiceUnavailable):
        await service.admit(draft)
    (campaign,) = store.campaigns.list()
    assert campaign.refusals[0].code is RefusalCode.ABANDONED
    settings.admission_timeout_seconds = 30
    async with tell(real, settings, store, account, carrier_server) as story:
        assert await finish(story, campaign.id) is CampaignStatus.REFUSED
        assert story.carrier.log == []
        again = await story.service.admit(draft)
        assert again.campaign.id != campaign.id
        await finish(story, again.campaign.id)
        assert len(story.carrier.log) == 10
    assert audit(store.database).findings == ()


async def test_a_withdrawal_that_comes_too_late_changes_nothing(real_story: Story) -> None:
    story = real_story
    campaign = (await story.service.admit(story.draft(10))).campaign
    assert not await story.service.withdraw(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED


async def test_only_stale_drafts_are_withdrawn(real_story: Story) -> None:
    story = real_story
    composed = await story.service._compose(story.draft(10))
    old = replace(composed, received_at=composed.received_at - HOUR)
    story.store.campaigns.save(old, "cmp_old")
    new = await story.service._compose(story.draft(10, first=2_000))
    story.store.campaigns.save(new, "cmp_new")
    reconciler = Reconciler(story.service, story.store, story.settings)
    assert await reconciler.withdraw_stale() == 1
    states = {view.id: view.status for view in story.store.campaigns.list()}
    assert states == {"cmp_old": CampaignStatus.REFUSED, "cmp_new": CampaignStatus.DRAFT}


async def test_a_step_that_fails_is_taken_again_and_holds_up_no_other(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    reconciler = Reconciler(story.service, story.store, story.settings)
    looked, withdrawn = 0, asyncio.Event()

    async def fail() -> list[str]:
        nonlocal looked
        looked += 1
        raise ServiceUnavailable("away") if looked % 2 else ValueError("unexpected")

    async def withdraw() -> int:
        withdrawn.set()
        raise StoreUnavailable("away")

    monkeypatch.setattr("starter.api.reconciler.ROUND_SECONDS", 0.01)
    monkeypatch.setattr(story.service.lost, "revive_all", fail)
    monkeypatch.setattr(reconciler, "withdraw_stale", withdraw)
    running = asyncio.create_task(reconciler.run())
    async with asyncio.timeout(10):
        await withdrawn.wait()
        while looked < 4:
            await asyncio.sleep(0.01)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_lost_workflows_are_looked_for_less_often_where_a_look_takes_long(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    seconds, looked = 0.0, 0

    async def look() -> list[str]:
        nonlocal looked
        looked += 1
        await asyncio.sleep(seconds)
        return ["cmp_1"]

    monkeypatch.setattr(story.service.lost, "revive_all", look)
    reconciler = Reconciler(story.service, story.store, story.settings)
    async with asyncio.timeout(60):
        while looked < 2:
            await reconciler.revive_all()
            await asyncio.sleep(0.02)
        seconds = 0.2  # The next look is ten seconds later.
        while looked < 3:
            await reconciler.revive_all()
            await asyncio.sleep(0.02)
    assert await reconciler.revive_all() == []
    assert looked == 3


async def test_a_workflow_that_cannot_go_on_is_logged_when_that_begins_and_ends(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    reconciler = Reconciler(story.service, story.store, story.settings)
    found = [["cmp_1"], ["cmp_1"], []]
    monkeypatch.setattr(story.service.lost, "find_stuck", AsyncMock(side_effect=found))
    with capture_logs() as logs:
        for _ in found:
            await reconciler.log_stuck()
    assert [(line["log_level"], line["campaign"]) for line in logs] == [
        ("error", "cmp_1"),
        ("info", "cmp_1"),
    ]


async def test_old_texts_are_removed_where_the_operator_says_so(
    real_story: Story, store: Store
) -> None:
    story = real_story
    campaign = (await story.service.admit(story.draft(10))).campaign
    await finish(story, campaign.id)
    assert await Reconciler(story.service, store, story.settings).remove_old_texts() == 0
    assert store.campaigns.messages(campaign.id)[0].text
    with store.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE campaign SET finished_at = finished_at - 172800000")
    settings = story.settings.model_copy(update={"keep_texts_days": 1, "keep_inbound_days": 1})
    assert await Reconciler(story.service, store, settings).remove_old_texts() == 1
    assert {one.text for one in store.campaigns.messages(campaign.id)} == {""}
    assert audit(store.database).findings == ()


async def test_old_messages_are_removed_where_the_operator_says_so(
    real_story: Story, store: Store
) -> None:
    story = real_story
    campaign = (await story.service.admit(story.draft(10))).campaign
    await finish(story, campaign.id)
    store.database.write(
        lambda connection: connection.exec_driver_sql(
            "UPDATE campaign SET finished_at = finished_at - 259200000"
        )
    )
    assert await Reconciler(story.service, store, story.settings).remove_old_messages() == 0
    assert len(store.campaigns.messages(campaign.id)) == 10
    settings = story.settings.model_copy(update={"keep_messages_days": 1})
    assert await Reconciler(story.service, store, settings).remove_old_messages() == 1
    assert store.campaigns.messages(campaign.id) == []
    assert audit(store.database).findings == ()


async def test_f22_callbacks_are_deleted_by_the_clock_of_the_store(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Instant] = []

    def forget(before: Instant, count: int) -> int:
        asked.append(before)
        return 0

    monkeypatch.setattr(story.store.clock, "now", lambda: CALLBACKS_KEPT + 7)
    monkeypatch.setattr(story.store.deliveries, "forget", forget)
    await Reconciler(story.service, story.store, story.settings).forget_deliveries()
    assert asked == [7]


async def test_f22_orders_are_numbered_by_the_clock_of_the_store(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    draft = story.draft(1, scheduled_at=wall_clock() + HOUR)
    campaign = (await story.service.admit(draft)).campaign
    later = wall_clock() + 10 * MINUTE
    monkeypatch.setattr(story.store.clock, "now", lambda: later)
    await story.service.pause(campaign)
    assert story.store.orders.standing(campaign.id).number == later


@pytest.mark.one_store
@pytest.mark.parametrize(("failures_min", "suppressed"), [(0, 0), (1, 1)])
async def test_dead_numbers_are_suppressed_only_where_a_setting_says_so(
    real_story: Story, failures_min: int, suppressed: int
) -> None:
    story = real_story
    # The ending 0001 is refused by the pretend carrier as no number.
    campaign = (await story.service.admit(story.draft(1, first=1))).campaign
    await finish(story, campaign.id)
    story.settings.suppress_after_failures = failures_min
    reconciler = Reconciler(story.service, story.store, story.settings)
    assert await reconciler.suppress_dead_numbers() == suppressed
    assert len(story.store.opt_outs.list(story.account.id)) == suppressed


async def test_a_stop_and_its_end_are_logged_once_and_held_campaigns_are_released(
    settings: Settings, store: Store, account: AccountView, capsys: pytest.CaptureFixture[str]
) -> None:
    builder = StoreBuilder(store, account.id)
    campaign = builder.admit(1)
    reconciler = Reconciler(cast(CampaignService, None), store, settings)
    store.brakes.stop(None, NOW, by_operator=True)
    for _ in range(2):
        await reconciler.log_stops()
        assert await reconciler.release_campaigns() == 0
    said = capsys.readouterr()
    assert (said.out + said.err).count("sending is stopped") == 1
    # The stop ended, and a workflow that had met it paused its campaign just afterwards.
    builder.execute("DELETE FROM brake")
    assert await reconciler.release_campaigns() == 1
    view = store.campaigns.get(campaign)
    assert view is not None and (view.problem, view.ordered) == (None, "resume")
    for _ in range(2):
        await reconciler.log_stops()
    said = capsys.readouterr()
    assert (said.out + said.err).count("a stop has ended") == 1
