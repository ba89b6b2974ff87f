"""What may or may not have left: resolved by the carrier, a receipt, an operator or a policy."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.testing import WorkflowEnvironment

from campaign.handoffs import Receipt, Repeats
from campaign.instants import HOUR, SECOND
from campaign.model import UnknownPolicy
from campaign.ports import ChunkRange
from campaign.settings import Settings
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import MessageView
from carriers.pretend import PretendCarrier, PretendSettings
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store
from tests.conftest import Served, Story, finish, serve_carrier, tell

UNANSWERED, CUT = "+14165550003", "+14165550004"


@pytest.fixture
async def unknown_messages(
    request: pytest.FixtureRequest,
    skipping: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
) -> AsyncIterator[Story]:
    """A story with a carrier of the nature that the test asks for, and a short deadline."""
    settings.send_timeout_seconds = 3.0
    repeats: Repeats = request.param
    async with serve_carrier(repeats) as served:
        async with tell(skipping, settings, store, account, served, repeats) as story:
            yield story


async def send(story: Story, **members: Any) -> str:
    """Send to a silent number, to one that hangs up, and to eight ordinary ones."""
    draft = story.draft(10, **members)
    odd = [
        replace(draft.recipients[0], to=UNANSWERED, key="silent"),
        replace(draft.recipients[1], to=CUT, key="cut"),
    ]
    draft = replace(draft, recipients=odd + draft.recipients[2:])
    campaign = (await story.service.admit(draft)).campaign
    await finish(story, campaign.id)
    return campaign.id


def messages(story: Story, campaign_id: str) -> list[MessageView]:
    return list(story.store.campaigns.messages(campaign_id))


def accepted(served: Served, to: str) -> int:
    return sum(row["to"] == to for row in served.log)


def balanced(story: Story) -> bool:
    return audit(story.store.database).findings == ()


@pytest.mark.parametrize("unknown_messages", [Repeats.DEDUP, Repeats.LOOKUP], indirect=True)
async def test_a_carrier_that_knows_its_references_leaves_no_doubt(unknown_messages: Story) -> None:
    story = unknown_messages
    campaign_id = await send(story)
    tally = story.store.campaigns.tally(campaign_id)
    assert (tally.sent, tally.unknown) == (10, 0)
    assert accepted(story.carrier, UNANSWERED) == accepted(story.carrier, CUT) == 1
    report = story.store.campaigns.report(campaign_id)
    assert (report.posted.sms, report.held.sms) == (20, 0)
    assert balanced(story)


@pytest.mark.parametrize("unknown_messages", [Repeats.NONE], indirect=True)
async def test_a_carrier_that_cannot_tell_leaves_them_unknown_held_and_unsent(
    unknown_messages: Story,
) -> None:
    story = unknown_messages
    campaign_id = await send(story)
    view = story.store.campaigns.get(campaign_id)
    assert view is not None and view.status is CampaignStatus.FINISHED_WITH_FAILURES
    assert (view.tally.sent, view.tally.unknown) == (8, 2)
    assert accepted(story.carrier, UNANSWERED) == accepted(story.carrier, CUT) == 1
    report = story.store.campaigns.report(campaign_id)
    assert (report.posted.sms, report.held.sms, report.voided.sms) == (16, 4, 0)
    assert balanced(story)
    # Its key counts as spent: the recipient may have the message.
    draft = story.draft(1)
    again = replace(draft, recipients=[replace(draft.recipients[0], key="cut")])
    second = (await story.service.admit(again)).campaign
    await finish(story, second.id)
    assert messages(story, second.id)[0].reason == "duplicate_key"


@pytest.mark.parametrize("unknown_messages", [Repeats.NONE], indirect=True)
async def test_an_operator_settles_a_doubt_once_and_the_books_follow(
    unknown_messages: Story,
) -> None:
    story = unknown_messages
    campaign_id = await send(story)
    opted_out, cut = messages(story, campaign_id)[:2]
    resolve = story.store.resolving.resolve
    now = await story.now()
    said = await asyncio.gather(
        *(asyncio.to_thread(resolve, campaign_id, opted_out.id, True, now) for _ in range(8)),
        *(asyncio.to_thread(resolve, campaign_id, cut.id, False, now) for _ in range(8)),
    )
    assert said == [MessageStatus.SENT] * 8 + [MessageStatus.FAILED] * 8
    assert resolve(campaign_id, opted_out.id, False, now) is MessageStatus.SENT
    assert resolve(campaign_id, "msg_nobody", False, now) is None
    report = story.store.campaigns.report(campaign_id)
    assert (report.posted.sms, report.held.sms, report.voided.sms) == (18, 0, 2)
    assert balanced(story)
    (result,) = story.store.attempts.stories(campaign_id, UNANSWERED)
    assert result.attempts[-1].code == "operator_says_sent"
    assert result.key_holder == opted_out.id and result.key_free_at is not None
    (result,) = story.store.attempts.stories(campaign_id, cut.id)
    assert result.key_holder is None


@pytest.mark.parametrize("unknown_messages", [Repeats.NONE], indirect=True)
async def test_a_late_receipt_settles_a_doubt(unknown_messages: Story) -> None:
    story = unknown_messages
    campaign_id = await send(story)
    opted_out, cut = messages(story, campaign_id)[:2]
    now = await story.now()
    receipts = [
        Receipt(opted_out.id, MessageStatus.DELIVERED, now),
        Receipt(cut.id, MessageStatus.UNDELIVERED, now),
    ]
    for _ in range(3):
        story.store.receipts.apply([*receipts, *reversed(receipts)])
    tally = story.store.campaigns.tally(campaign_id)
    assert (tally.delivered, tally.undelivered, tally.unknown) == (1, 1, 0)
    assert story.store.campaigns.report(campaign_id).posted.sms == 20
    assert balanced(story)


@pytest.mark.parametrize("unknown_messages", [Repeats.NONE], indirect=True)
async def test_the_policy_resend_sends_again_what_nobody_can_tell(unknown_messages: Story) -> None:
    story = unknown_messages
    campaign_id = await send(story, unknown_policy=UnknownPolicy.RESEND)
    tally = story.store.campaigns.tally(campaign_id)
    assert (tally.sent, tally.unknown) == (10, 0)
    assert accepted(story.carrier, UNANSWERED) == accepted(story.carrier, CUT) == 2
    assert story.store.campaigns.report(campaign_id).posted.sms == 20
    assert balanced(story)


@pytest.mark.parametrize("unknown_messages", list(Repeats), indirect=True)
async def test_a_cancel_after_a_worker_died_sends_nothing_and_finds_out_what_had_left(
    unknown_messages: Story,
) -> None:
    story, now = unknown_messages, await unknown_messages.now()
    draft = replace(story.draft(10), scheduled_at=now + HOUR)
    campaign = (await story.service.admit(draft)).campaign
    campaign_id = campaign.id
    dead = ChunkRange(campaign_id, 0, 10, now + 2 * HOUR)
    # A dead worker of a campaign that was moved: nothing is claimed before it is due.
    due = text("UPDATE message SET due_at = :now WHERE campaign_id = :campaign")
    values = {"now": now, "campaign": campaign_id}
    story.store.database.write(lambda connection: connection.execute(due, values))
    claim = story.store.sending.flush_and_claim(dead, "a dead worker", [], 3, now, now + 5 * SECOND)
    carrier = PretendCarrier(PretendSettings(base_url=story.carrier.base_url), 5.0)
    await carrier.send(claim.claimed[0])
    await carrier.close()
    await story.service.cancel(campaign)
    assert await finish(story, campaign_id) is CampaignStatus.CANCELLED
    assert len(story.carrier.log) == 1
    tally = story.store.campaigns.tally(campaign_id)
    if story.carrier.exchange.repeats is Repeats.LOOKUP:
        assert (tally.sent, tally.cancelled, tally.unknown) == (1, 9, 0)
    else:
        # To repeat it could send it after the cancel: that is for an operator, or a receipt.
        assert (tally.sent, tally.cancelled, tally.unknown) == (0, 7, 3)
    assert balanced(story)
