"""How long a campaign sends after the receipts that decide for its brake."""

import asyncio
import sys

import pytest

from campaign.canary import Brake
from campaign.handoffs import Receipt
from campaign.instants import HOUR, SECOND
from campaign.rates import campaign_scope
from campaign.states import CampaignStatus, MessageStatus
from tests.conftest import Story
from tests.workflows.test_canary import FIVE_PERCENT, draft, paused, view_when

pytestmark = pytest.mark.one_store


@pytest.mark.parametrize("spread_hours", [20 * SECOND / HOUR, 0.0])
async def test_after_the_deciding_receipt_nothing_leaves_for_longer_than_a_look(
    real_story: Story, spread_hours: float
) -> None:
    story = real_story
    start = await story.now() + 2 * SECOND
    planned = draft(
        story,
        200,
        scheduled_at=start,
        spread_hours=spread_hours,
        brake=Brake(50, FIVE_PERCENT),
    )
    campaign = (await story.service.admit(planned)).campaign
    if not spread_hours:
        story.store.rates.set_rate(campaign_scope(campaign.id), 20.0)
    await view_when(story, campaign.id, lambda view: view.tally.sent >= 20)
    decided = await story.now()
    receipts = [
        Receipt(message.id, MessageStatus.UNDELIVERED, decided)
        for message in story.store.campaigns.messages(campaign.id, limit=200)
        if message.status is MessageStatus.SENT
    ]
    await asyncio.to_thread(story.store.receipts.apply, receipts, decided)
    view = await paused(story, campaign.id)
    assert (view.status, view.problem) == (CampaignStatus.PAUSED, "brake_failures")
    assert view.tally.queued > 50
    last = max(story.sent_at(campaign.id))
    sys.stdout.write(f"spread {spread_hours:g} h: last send after {last - decided} ms\n")
    # A look is half a second old at most, and a claim takes a moment.
    assert last - decided <= 2 * SECOND
