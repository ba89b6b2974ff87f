"""Another start or spread for a campaign that waits; refused once it has begun."""

import asyncio
import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant
from campaign.ports import WaveRow
from campaign.refusals import RefusalCode, Refused
from campaign.schedule import ideal_instants
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from service.campaigns import StateConflict
from service.changes import Change
from service.start_options import campaign_input
from store.campaigns.audit import audit
from tests.conftest import Story, finish, reach
from tests.workflows.test_campaign import handle_of, is_paused, until
from workflows.campaign import CampaignWorkflow
from workflows.plan_changes import REFUSED
from workflows.records import CampaignInput, ChangeSpreadInput


def is_scheduled(view: CampaignView) -> bool:
    return view.status is CampaignStatus.SCHEDULED


def dues(story: Story, campaign_id: str) -> list[Instant]:
    """When each message is due, by position."""
    messages = story.store.campaigns.messages(campaign_id, limit=1_000)
    return [message.due_at for message in messages]


def is_on_plan(story: Story, campaign_id: str, plan: list[Instant]) -> bool:
    """Whether each message was sent about when it was due, by position."""
    sent = story.sent_at(campaign_id)
    apart = [at - due for at, due in zip(sent, plan, strict=True)]
    return all(0 <= late <= MINUTE for late in apart)


async def test_a_plan_moves_whole_to_later_and_to_sooner(story: Story) -> None:
    start = await story.now() + 2 * DAY
    draft = story.draft(20)
    own = [replace(one, scheduled_at=start + HOUR) for one in draft.recipients[10:]]
    draft = replace(draft, recipients=[*draft.recipients[:10], *own], scheduled_at=start)
    campaign = (await story.service.admit(draft)).campaign
    assert await story.service.change(campaign, Change(start + 5 * DAY)) == start + 5 * DAY
    assert await story.service.change(campaign, Change(start - DAY)) == start - DAY
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and view.scheduled_at == start - DAY
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    sent = sorted(story.sent_at(campaign.id))
    assert start - DAY <= sent[0] and sent[9] < start - DAY + MINUTE
    assert start - DAY + HOUR <= sent[10] and sent[19] < start - DAY + HOUR + MINUTE
    assert len({row["reference"] for row in story.carrier.log}) == len(story.carrier.log) == 20
    assert audit(story.store.database).findings == ()


async def test_a_plan_that_moves_while_it_is_looked_up_is_looked_up_again(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, moved = threading.Event(), threading.Event()
    waiting_rows = story.store.admissions.waiting_rows

    def slow(campaign_id: str, limit: int) -> Sequence[WaveRow]:
        rows = waiting_rows(campaign_id, limit)
        looked.set()
        assert moved.wait(60)
        return rows

    def with_steps_of_the_server(*asked: Any, **more: Any) -> CampaignInput:
        return campaign_input(*asked, **more).model_copy(update={"revision": 0})

    # A local activity keeps the plan's updates out for as long as it runs, up to a heartbeat.
    monkeypatch.setattr("service.campaigns.campaign_input", with_steps_of_the_server)
    monkeypatch.setattr(story.store.admissions, "waiting_rows", slow)
    start = await story.now() + 2 * DAY
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    try:
        assert await asyncio.to_thread(looked.wait, 60)
        assert await story.service.change(campaign, Change(start=start - DAY)) == start - DAY
    finally:
        moved.set()
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert all(start - DAY <= at < start - DAY + MINUTE for at in story.sent_at(campaign.id))


async def test_a_start_less_than_an_hour_ago_means_now(story: Story) -> None:
    now = await story.now()
    campaign = (await story.service.admit(story.draft(10, scheduled_at=now + DAY))).campaign
    begins = await story.service.change(campaign, Change(now - 30 * MINUTE))
    assert begins is not None and now <= begins < now + MINUTE
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert max(story.sent_at(campaign.id)) < now + HOUR


@pytest.mark.parametrize("off", [-HOUR, -DAY, 367 * DAY])
async def test_a_start_outside_the_window_is_refused_and_nothing_moves(
    story: Story, off: int
) -> None:
    now = await story.now()
    campaign = (await story.service.admit(story.draft(10, scheduled_at=now + DAY))).campaign
    with pytest.raises(Refused) as refused:
        await story.service.change(campaign, Change(now + off))
    (refusal,) = refused.value.refusals
    assert refusal.code is RefusalCode.SCHEDULE_INVALID and refusal.place == "scheduleDateTime"
    await finish(story, campaign.id)
    assert all(now + DAY <= at < now + DAY + MINUTE for at in story.sent_at(campaign.id))


async def test_a_campaign_that_has_begun_or_ended_keeps_its_plan(story: Story) -> None:
    start = await story.now() + DAY
    draft = story.draft(60, scheduled_at=start, spread_hours=1.0)
    campaign = (await story.service.admit(draft)).campaign
    await reach(story, campaign.id, start + 30 * MINUTE + 5 * SECOND)
    with pytest.raises(StateConflict):
        await story.service.change(campaign, Change(start + DAY))
    await finish(story, campaign.id)
    with pytest.raises(StateConflict):
        await story.service.change(campaign, Change(start + DAY))
    sent = story.sent_at(campaign.id)
    assert len(sent) == len(story.carrier.log) == 60
    assert max(sent) < start + HOUR + MINUTE


async def test_a_paused_campaign_is_moved_and_still_waits_for_its_resume(story: Story) -> None:
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    await story.service.pause(campaign)
    await until(story, campaign.id, is_paused)
    await story.service.change(campaign, Change(start + DAY))
    await reach(story, campaign.id, start + 3 * DAY)
    assert story.carrier.log == []
    await story.service.resume(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert all(start + 3 * DAY <= at for at in story.sent_at(campaign.id))


async def test_a_pause_that_outlasts_the_start_moves_the_plan_and_the_first_leaves_at_once(
    story: Story,
) -> None:
    start = await story.now() + DAY
    draft = story.draft(12, scheduled_at=start, spread_hours=72.0)
    campaign = (await story.service.admit(draft)).campaign
    await story.service.pause(campaign)
    await until(story, campaign.id, is_paused)
    await reach(story, campaign.id, start + 3 * HOUR)
    assert story.carrier.log == []
    await story.service.resume(campaign)
    await until(story, campaign.id, lambda view: view.tally.sent == 1)
    (first,) = story.sent_at(campaign.id)
    planned = dues(story, campaign.id)
    assert start + 3 * HOUR <= planned[0] <= first < planned[0] + MINUTE
    assert planned == ideal_instants(planned[0], 72.0, 12)
    with pytest.raises(StateConflict):
        await story.service.change(campaign, Change(start + DAY))
    assert dues(story, campaign.id) == planned
    await story.service.cancel(campaign)
    await finish(story, campaign.id)
    assert len(story.carrier.log) == 1


async def test_six_hours_become_two(story: Story) -> None:
    start = await story.now() + DAY
    draft = story.draft(24, scheduled_at=start, spread_hours=6.0)
    campaign = (await story.service.admit(draft)).campaign
    assert await story.service.change(campaign, Change(spread_hours=2.0)) == start
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and (view.spread_hours, view.scheduled_at) == (2.0, start)
    progress = await handle_of(story, campaign.id).query(CampaignWorkflow.progress)
    assert progress.status is CampaignStatus.SCHEDULED and progress.waves == 0
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert is_on_plan(story, campaign.id, ideal_instants(start, 2.0, 24))
    assert len({row["reference"] for row in story.carrier.log}) == len(story.carrier.log) == 24
    assert audit(story.store.database).findings == ()


async def test_another_spread_leaves_own_times_where_they_are(story: Story) -> None:
    start = await story.now() + DAY
    draft = story.draft(8, scheduled_at=start, spread_hours=6.0)
    people = list(draft.recipients)
    people[0] = replace(people[0], scheduled_at=start - HOUR)
    people[5] = replace(people[5], scheduled_at=start + 5 * HOUR)
    campaign = (await story.service.admit(replace(draft, recipients=people))).campaign
    assert await story.service.change(campaign, Change(spread_hours=1.0)) == start - HOUR
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    free = ideal_instants(start, 1.0, 6)
    expected = [start - HOUR, *free[:4], start + 5 * HOUR, *free[4:]]
    assert is_on_plan(story, campaign.id, expected)
    sent = story.sent_at(campaign.id)
    assert sent[0] >= start - HOUR and sent[5] >= start + 5 * HOUR


async def test_start_and_spread_change_together_and_own_times_move_along(story: Story) -> None:
    start = await story.now() + 3 * DAY
    draft = story.draft(6, scheduled_at=start, spread_hours=6.0)
    people = list(draft.recipients)
    people[5] = replace(people[5], scheduled_at=start + 5 * HOUR)
    campaign = (await story.service.admit(replace(draft, recipients=people))).campaign
    sooner = start - DAY
    assert await story.service.change(campaign, Change(sooner, spread_hours=1.0)) == sooner
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    expected = [*ideal_instants(sooner, 1.0, 5), sooner + 5 * HOUR]
    assert is_on_plan(story, campaign.id, expected)


async def test_spread_after_another_start_counts_from_that_one(story: Story) -> None:
    start = await story.now() + DAY
    draft = story.draft(12, scheduled_at=start, spread_hours=6.0)
    campaign = (await story.service.admit(draft)).campaign
    later = start + 5 * DAY
    assert await story.service.change(campaign, Change(later)) == later
    assert await story.service.change(campaign, Change(spread_hours=2.0)) == later
    assert await story.service.change(campaign, Change(spread_hours=3.0)) == later
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert is_on_plan(story, campaign.id, ideal_instants(later, 3.0, 12))


@pytest.mark.parametrize("resumed_after", [-HOUR, 5 * HOUR])
async def test_a_paused_campaign_is_spread_anew_and_resumes_in_order(
    story: Story, resumed_after: Instant
) -> None:
    start = await story.now() + DAY
    draft = story.draft(12, scheduled_at=start, spread_hours=6.0)
    campaign = (await story.service.admit(draft)).campaign
    await story.service.pause(campaign)
    await until(story, campaign.id, is_paused)
    await reach(story, campaign.id, start + resumed_after - 30 * MINUTE)
    await story.service.change(campaign, Change(spread_hours=2.0))
    await reach(story, campaign.id, start + resumed_after)
    assert story.carrier.log == []
    await story.service.resume(campaign)
    resumed_at = await story.now()
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert is_on_plan(story, campaign.id, ideal_instants(max(start, resumed_at), 2.0, 12))
    sent = story.sent_at(campaign.id)
    assert sent == sorted(sent)


async def test_a_spread_that_is_due_begins_with_its_first_message_and_keeps_its_plan(
    story: Story,
) -> None:
    now = await story.now()
    campaign = (await story.service.admit(story.draft(12, spread_hours=72.0))).campaign
    await until(story, campaign.id, lambda view: view.tally.sent == 1)
    planned = dues(story, campaign.id)
    assert now <= planned[0] < now + MINUTE
    with pytest.raises(StateConflict):
        await story.service.change(campaign, Change(spread_hours=0.1))
    assert dues(story, campaign.id) == planned == ideal_instants(planned[0], 72.0, 12)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert is_on_plan(story, campaign.id, planned)


async def test_a_campaign_that_has_begun_or_ended_keeps_its_spread(story: Story) -> None:
    start = await story.now() + DAY
    draft = story.draft(12, scheduled_at=start, spread_hours=1.0)
    campaign = (await story.service.admit(draft)).campaign
    await reach(story, campaign.id, start + 31 * MINUTE)
    rate = Change(spread_hours=6.0, has_rate=True, rate=1.0)
    for change in (Change(spread_hours=6.0), Change(start + DAY, 6.0), rate):
        with pytest.raises(StateConflict):
            await story.service.change(campaign, change)
    assert story.store.rates.rates() == {}
    await finish(story, campaign.id)
    with pytest.raises(StateConflict):
        await story.service.change(campaign, Change(spread_hours=6.0))
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and view.spread_hours == 1.0
    assert is_on_plan(story, campaign.id, ideal_instants(start, 1.0, 12))
    assert len(story.carrier.log) == 12


@pytest.mark.parametrize("hours", [-0.1, 336.1, math.nan, math.inf])
async def test_a_spread_that_no_campaign_may_have_is_refused_before_anything_moves(
    story: Story, hours: float
) -> None:
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(2, scheduled_at=start))).campaign
    with pytest.raises(Refused) as refused:
        await story.service.change(campaign, Change(start - 3 * DAY, hours, True, 5.0))
    assert [(one.code, one.place) for one in refused.value.refusals] == [
        (RefusalCode.SCHEDULE_INVALID, "scheduleDateTime"),
        (RefusalCode.SPREAD_INVALID, "spreadHours"),
    ]
    assert story.store.campaigns.get(campaign.id) == campaign
    assert story.store.rates.rates() == {}


async def test_the_workflow_itself_takes_no_spread_over_the_longest(story: Story) -> None:
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(2, scheduled_at=start))).campaign
    handle = handle_of(story, campaign.id)
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await handle.execute_update(CampaignWorkflow.change_spread, ChangeSpreadInput(hours=8785.0))  # type: ignore[unused-coroutine]
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == REFUSED
    assert story.store.campaigns.get(campaign.id) == campaign


async def test_moves_at_once_are_one_after_the_other_or_refused(real_story: Story) -> None:
    story = real_story
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    soon = await story.now() + 5 * SECOND
    spreads = [None, 0.001, 0.002]
    wanted = [Change(soon + 100 * number, spreads[number % 3]) for number in range(9)]
    said = await asyncio.gather(
        *(story.service.change(campaign, change) for change in wanted), return_exceptions=True
    )
    assert any(isinstance(one, int) for one in said)
    assert all(isinstance(one, int | StateConflict) for one in said)
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and view.scheduled_at is not None
    assert view.scheduled_at in {change.start for change in wanted}
    planned = ideal_instants(view.scheduled_at, view.spread_hours, 10)
    assert dues(story, campaign.id) == planned
    await finish(story, campaign.id)
    assert all(0 <= at - view.scheduled_at < MINUTE for at in story.sent_at(campaign.id))
    assert len(story.carrier.log) == 10
