"""Spreads in real time: each message at its instant, and the end when it was forecast."""

import asyncio
from dataclasses import replace

import pytest
from temporalio.api.enums.v1 import EventType

from bench.pacing import deviations, pause_at
from campaign.instants import HOUR, SECOND
from campaign.rates import sender_scope
from campaign.refusals import RefusalCode, Refused
from campaign.schedule import ideal_instants
from campaign.states import CampaignStatus
from service.changes import Change
from service.forecasts import planned_end
from tests.conftest import LONG_CODE, Story, finish
from tests.workflows.test_campaign import handle_of

pytestmark = pytest.mark.one_store


async def test_no_message_of_a_spread_is_early_and_few_are_late_in_spite_of_a_pause(
    real_story: Story,
) -> None:
    story, hours, count = real_story, 0.002, 90
    start = await story.now() + SECOND
    draft = story.draft(count, scheduled_at=start, spread_hours=hours)
    campaign = (await story.service.admit(draft)).campaign
    await pause_at(story, campaign.id, start + 3 * SECOND, 2 * SECOND)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    ideals = ideal_instants(start, hours, count)
    late = sorted(deviations(story, campaign.id, ideals, skipping=True))
    assert late[0] >= 0
    assert late[int(0.99 * count)] <= 2 * SECOND


async def test_a_chunk_whose_next_message_is_due_later_waits_between_two_attempts(
    story: Story,
) -> None:
    start = await story.now() + HOUR
    # Six seconds apart: the first five are one wave.
    draft = story.draft(6, scheduled_at=start, spread_hours=0.01)
    campaign = (await story.service.admit(draft)).campaign
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    history = (await handle_of(story, campaign.id).fetch_history()).events
    began = [
        event.activity_task_started_event_attributes.attempt
        for event in history
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    ]
    # The last one awaited receipts.
    assert began == [7]
    late = deviations(story, campaign.id, ideal_instants(start, 0.01, 6), skipping=True)
    assert min(late) >= 0 and max(late) <= 2 * SECOND
    assert story.store.campaigns.tally(campaign.id).sent == 6


@pytest.mark.parametrize(("hours", "rate"), [(0.0, 20.0), (0.0015, 40.0)])
async def test_a_campaign_ends_when_it_was_forecast(
    real_story: Story, hours: float, rate: float
) -> None:
    story = real_story
    story.store.rates.set_rate(sender_scope(story.account.id, LONG_CODE), rate)
    start = await story.now() + 2 * SECOND
    draft = story.draft(100, sender=LONG_CODE, scheduled_at=start, spread_hours=hours)
    preview = await story.service.dry_run(draft)
    campaign = (await story.service.admit(draft)).campaign
    end = planned_end(story.store, campaign, await story.now())
    await finish(story, campaign.id)
    truth = max(story.sent_at(campaign.id))
    assert end is not None and preview.forecast is not None
    assert end == pytest.approx(preview.forecast.last_at, abs=SECOND)
    assert abs(end - truth) <= 5 * SECOND


async def test_a_spread_that_cannot_fit_is_refused_wherever_it_is_asked_for(
    story: Story,
) -> None:
    story.store.rates.set_rate(sender_scope(story.account.id, LONG_CODE), 1.0)
    draft = story.draft(60, sender=LONG_CODE, spread_hours=0.01)
    preview = await story.service.dry_run(draft)
    with pytest.raises(Refused) as refused:
        await story.service.admit(draft)
    for refusals in (preview.refusals, refused.value.refusals):
        (refusal,) = refusals
        assert (refusal.code, refusal.place) == (RefusalCode.SPREAD_INVALID, "spreadHours")
        assert refusal.message == "needs 1 m at 1 segments/s; the spread is 36 s"
    start = await story.now() + HOUR
    fits = replace(draft, spread_hours=0.1, scheduled_at=start)
    campaign = (await story.service.admit(fits)).campaign
    with pytest.raises(Refused):
        await story.service.change(campaign, Change(spread_hours=0.01))
    assert story.store.campaigns.get(campaign.id) == campaign
    await story.service.cancel(campaign)
    await asyncio.wait_for(finish(story, campaign.id), 60)
