"""The campaign's workflow on the time-skipping server: pause, cancel, keys and retries."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from activities.options import LOCAL_TRIES
from campaign.credits import CreditKind
from campaign.failures import StoreUnavailable
from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant
from campaign.model import Evidence
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView
from service.campaign_workflows import workflow_id
from store.campaigns.audit import audit
from tests.conftest import Handle, Story, finish, reach
from tests.workflows.steps import local_steps, steps_of_the_server
from workflows.campaign import CampaignWorkflow
from workflows.records import Progress


def handle_of(story: Story, campaign_id: str) -> Handle:
    return story.client.get_workflow_handle_for(CampaignWorkflow.run, workflow_id(campaign_id))


async def until(story: Story, campaign_id: str, holds: Callable[[CampaignView], bool]) -> None:
    """Wait in real time until a campaign's row says so."""
    async with asyncio.timeout(30):
        while True:
            view = await asyncio.to_thread(story.store.campaigns.get, campaign_id)
            assert view is not None
            if holds(view):
                return
            await asyncio.sleep(0.02)


def is_paused(view: CampaignView) -> bool:
    """The store is paused when the order is given, the workflow when it has carried it out."""
    return view.status is CampaignStatus.PAUSED and view.ordered is None


async def test_a_pause_of_twenty_days_is_followed_by_no_burst(story: Story) -> None:
    start = await story.now() + DAY
    draft = story.draft(240, scheduled_at=start, spread_hours=4.0)
    campaign = (await story.service.admit(draft)).campaign
    await reach(story, campaign.id, start + 2 * HOUR + 10 * SECOND)
    await story.service.pause(campaign)
    await until(story, campaign.id, is_paused)
    before = len(story.carrier.log)
    assert 110 <= before <= 130
    paused_at = await story.now()
    handle = handle_of(story, campaign.id)
    history_before = (await handle.describe()).history_length
    await reach(story, campaign.id, paused_at + 20 * DAY)
    assert len(story.carrier.log) == before
    # What was under way when the pause began may still have been written; twenty days were not.
    assert (await handle.describe()).history_length <= history_before + 10
    await story.service.resume(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    sent = sorted(story.sent_at(campaign.id))
    assert len(sent) == 240 and len(story.carrier.log) == 240
    later = [at for at in sent if at > paused_at]
    assert later[0] >= paused_at + 20 * DAY
    # Still one a minute: no window of half an hour holds more than its share and one wave.
    windows = [sum(at <= other < at + 30 * MINUTE for other in later) for at in later]
    assert max(windows) <= 33
    lost = later[-1] - (start + 4 * HOUR)
    assert abs(lost - 20 * DAY) <= 3 * MINUTE
    assert audit(story.store.database).findings == ()


async def test_a_pause_before_the_start_moves_only_what_it_outlasts(story: Story) -> None:
    start = await story.now() + 2 * DAY
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    await story.service.pause(campaign)
    await until(story, campaign.id, is_paused)
    await reach(story, campaign.id, start - DAY)
    await story.service.resume(campaign)
    await finish(story, campaign.id)
    assert all(start <= at <= start + 5 * SECOND for at in story.sent_at(campaign.id))


async def test_pause_and_resume_twice_are_pause_and_resume_once(story: Story) -> None:
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    await story.service.resume(campaign)
    await story.service.pause(campaign)
    await story.service.pause(campaign)
    await until(story, campaign.id, is_paused)
    await story.service.resume(campaign)
    await story.service.resume(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED


async def test_a_cancel_half_way_voids_exactly_what_was_not_sent(story: Story) -> None:
    start = await story.now() + DAY
    draft = story.draft(200, scheduled_at=start, spread_hours=2.0)
    campaign = (await story.service.admit(draft)).campaign
    await reach(story, campaign.id, start + HOUR + 10 * SECOND)
    await story.service.cancel(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED
    sent = len(story.carrier.log)
    assert 95 <= sent <= 110
    tally = story.store.campaigns.tally(campaign.id)
    assert (tally.sent, tally.cancelled, tally.total) == (sent, 200 - sent, 200)
    report = story.store.campaigns.report(campaign.id)
    assert (report.posted.sms, report.voided.sms) == (2 * sent, 2 * (200 - sent))
    assert report.held.sms == 0
    assert audit(story.store.database).findings == ()


async def test_a_paused_campaign_can_be_cancelled(story: Story) -> None:
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    await story.service.pause(campaign)
    await until(story, campaign.id, is_paused)
    await story.service.cancel(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED
    assert story.carrier.log == []
    account = story.store.accounts.show(story.account.id)
    assert account is not None and account.balances[CreditKind.SMS].available == 100_000


async def test_a_cancel_through_temporal_itself_settles_too(story: Story) -> None:
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    await handle_of(story, campaign.id).cancel()
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED
    assert audit(story.store.database).findings == ()


async def test_messages_of_one_campaign_keep_times_of_their_own(story: Story) -> None:
    now = await story.now()
    draft = story.draft(6)
    times = [None, now + HOUR, now + DAY, now - 30 * MINUTE, now + 3 * DAY, None]
    recipients = [
        replace(recipient, scheduled_at=at)
        for recipient, at in zip(draft.recipients, times, strict=True)
    ]
    campaign = (await story.service.admit(replace(draft, recipients=recipients))).campaign
    await finish(story, campaign.id)
    for at, sent_at in zip(times, story.sent_at(campaign.id), strict=True):
        due_at = max(now, at or now)
        assert due_at - SECOND <= sent_at <= due_at + 15 * SECOND


async def test_a_key_is_spent_for_48_hours_from_the_send(story: Story) -> None:
    def keyed(first: int, at: Instant) -> object:
        draft = story.draft(1, first=first, scheduled_at=at)
        return replace(draft, recipients=[replace(draft.recipients[0], key="order-7")])

    async def send(first: int, at: Instant) -> tuple[MessageStatus, Instant | None]:
        campaign = (await story.service.admit(keyed(first, at))).campaign  # type: ignore[arg-type]
        await finish(story, campaign.id)
        message = story.store.campaigns.messages(campaign.id)[0]
        return message.status, message.sent_at

    status, sent_at = await send(1_000, await story.now() + HOUR)
    assert status is MessageStatus.SENT and sent_at is not None
    assert (await send(1_001, sent_at + 48 * HOUR - MINUTE))[0] is MessageStatus.SKIPPED
    assert (await send(1_002, sent_at + 48 * HOUR + MINUTE))[0] is MessageStatus.SENT


async def test_a_failed_send_leaves_its_key_free(story: Story) -> None:
    draft = story.draft(1)
    recipient = replace(draft.recipients[0], key="order-8")
    bad = replace(recipient, to="+14165550001")
    first = (await story.service.admit(replace(draft, recipients=[bad]))).campaign
    await finish(story, first.id)
    second = (await story.service.admit(replace(draft, recipients=[recipient]))).campaign
    await finish(story, second.id)
    assert story.store.campaigns.tally(first.id).failed == 1
    assert story.store.campaigns.tally(second.id).sent == 1


async def test_progress_and_plan_can_be_asked_and_name_nobody(story: Story) -> None:
    start = await story.now() + DAY
    draft = story.draft(60, scheduled_at=start, spread_hours=1.0)
    campaign = (await story.service.admit(draft)).campaign
    handle = handle_of(story, campaign.id)
    await reach(story, campaign.id, start + 30 * MINUTE + 20 * SECOND)
    progress: Progress = await handle.query(CampaignWorkflow.progress)
    assert progress.status is CampaignStatus.RUNNING
    assert 28 <= progress.tally.sent <= 32
    assert progress.next_wave_at is not None
    waves = await handle.query(CampaignWorkflow.plan)
    assert waves and waves[0].fire_at == progress.next_wave_at
    await story.service.cancel(campaign)
    await finish(story, campaign.id)
    history = (await handle.fetch_history()).to_json()
    assert "4155551" not in history and "has shipped" not in history


async def test_the_chunks_of_a_large_wave_are_for_every_worker_and_a_single_one_stays(
    story: Story,
) -> None:
    queue = story.settings.task_queue
    for size, expected in ((story.settings.chunk_size + 50, f"{queue}-sending"), (10, queue)):
        campaign = (await story.service.admit(story.draft(size))).campaign
        assert await finish(story, campaign.id) is CampaignStatus.FINISHED
        history = await handle_of(story, campaign.id).fetch_history()
        orders = [event.activity_task_scheduled_event_attributes for event in history.events]
        sent_on = {o.task_queue.name for o in orders if o.activity_type.name == "send_chunk"}
        assert sent_on == {expected}


async def test_an_admission_and_an_end_take_no_steps_of_the_server(story: Story) -> None:
    campaign = (await story.service.admit(story.draft(10))).campaign
    await finish(story, campaign.id)
    history = await handle_of(story, campaign.id).fetch_history()
    assert steps_of_the_server(history.events) == ["send_chunk"]
    assert local_steps(history.events) == ["admit_campaign", "settle_campaign"]


async def test_a_step_that_fails_in_the_workflow_task_becomes_the_servers_and_is_not_lost(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence, asked = story.store.admissions.evidence, count(1)

    def away(campaign_id: str, now: Instant) -> Evidence:
        if next(asked) <= LOCAL_TRIES + 1:
            raise StoreUnavailable("away")
        return evidence(campaign_id, now)

    monkeypatch.setattr(story.store.admissions, "evidence", away)
    campaign = (await story.service.admit(story.draft(10))).campaign
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    history = await handle_of(story, campaign.id).fetch_history()
    assert steps_of_the_server(history.events) == ["admit_campaign", "send_chunk"]
    assert next(asked) == LOCAL_TRIES + 3
    assert audit(story.store.database).findings == ()
