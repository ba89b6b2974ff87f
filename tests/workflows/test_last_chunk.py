"""The last chunk of a campaign counts it and awaits receipts, which costs no event."""

import asyncio
from collections.abc import Iterable

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from campaign.handoffs import Receipt
from campaign.instants import HOUR
from campaign.settings import Settings
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from tests.conftest import Story, finish
from tests.workflows.steps import local_steps, steps_of_the_server
from tests.workflows.test_campaign import handle_of

GRACE_SECONDS = 6
# Without those of workflow tasks, of which a busy machine needs more: mostly six, or nine.
NOW_EVENTS, LATER_EVENTS = 11, 14


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that await receipts for long enough to bring some."""
    return settings.model_copy(update={"receipts_grace_seconds": float(GRACE_SECONDS)})


def without_tasks(events: Iterable[HistoryEvent]) -> list[str]:
    """The kinds of the events that are not of a workflow task."""
    kinds = [EventType.Name(event.event_type) for event in events]
    return [kind for kind in kinds if not kind.startswith("EVENT_TYPE_WORKFLOW_TASK_")]


async def history(story: Story, campaign_id: str) -> list[HistoryEvent]:
    """The events of a campaign."""
    return list((await handle_of(story, campaign_id).fetch_history()).events)


async def sent(story: Story, campaign_id: str) -> None:
    """Wait until all messages of a campaign have been sent."""
    async with asyncio.timeout(30):
        while story.store.campaigns.tally(campaign_id).sent < 10:
            await asyncio.sleep(0.02)


async def deliver(story: Story, campaign_id: str) -> None:
    """Bring the receipts of all messages of a campaign."""
    now = await story.now()
    messages = story.store.campaigns.messages(campaign_id, limit=100)
    receipts = [Receipt(message.id, MessageStatus.DELIVERED, now) for message in messages]
    await asyncio.to_thread(story.store.receipts.apply, receipts, now)


async def test_receipts_that_come_soon_cost_no_event(real_story: Story) -> None:
    story = real_story
    campaign = (await story.service.admit(story.draft(10))).campaign
    await sent(story, campaign.id)
    await deliver(story, campaign.id)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert story.store.campaigns.tally(campaign.id).delivered == 10
    events = await history(story, campaign.id)
    assert steps_of_the_server(events) == ["send_chunk"]
    assert local_steps(events) == ["admit_campaign", "settle_campaign"]
    assert len(without_tasks(events)) == NOW_EVENTS
    assert audit(story.store.database).findings == ()


async def test_a_campaign_that_is_due_later_takes_a_timer_and_an_attribute_more(
    real_story: Story,
) -> None:
    story = real_story
    start = await story.now() + 1_500
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    await sent(story, campaign.id)
    await deliver(story, campaign.id)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert len(without_tasks(await history(story, campaign.id))) == LATER_EVENTS
    assert all(at >= start for at in story.sent_at(campaign.id))


async def test_receipts_that_never_come_are_awaited_for_as_long_as_the_settings_say(
    story: Story,
) -> None:
    start = await story.now() + HOUR
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    events = await history(story, campaign.id)
    chunk = next(
        e.event_time for e in events if e.HasField("activity_task_scheduled_event_attributes")
    )
    waited = (events[-1].event_time.ToDatetime() - chunk.ToDatetime()).total_seconds()
    assert GRACE_SECONDS <= waited < 2 * GRACE_SECONDS


@pytest.mark.parametrize("order", ["pause", "cancel"])
async def test_an_order_that_comes_while_receipts_are_awaited_holds_nothing(
    real_story: Story, order: str
) -> None:
    story = real_story
    campaign = (await story.service.admit(story.draft(10))).campaign
    await sent(story, campaign.id)
    await getattr(story.service, order)(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert story.store.campaigns.tally(campaign.id).sent == 10
    assert audit(story.store.database).findings == ()


async def test_a_pause_in_the_midst_of_the_last_chunk_still_pauses(real_story: Story) -> None:
    story = real_story
    start = await story.now() + 1_000
    draft = story.draft(10, scheduled_at=start, spread_hours=10 / 3_600)
    campaign = (await story.service.admit(draft)).campaign
    async with asyncio.timeout(30):
        while not story.store.campaigns.tally(campaign.id).sent:
            await asyncio.sleep(0.02)
    await story.service.pause(campaign)
    async with asyncio.timeout(30):
        while (await handle_of(story, campaign.id).query("progress"))["status"] != "paused":
            await asyncio.sleep(0.02)
    assert 0 < story.store.campaigns.tally(campaign.id).queued
    await story.service.resume(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert story.store.campaigns.tally(campaign.id).sent == 10
