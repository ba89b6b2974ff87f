"""Campaigns with recipients that cannot be sent to: failed from the start, and free of charge."""

from campaign.credits import CreditKind
from campaign.model import DraftRecipient
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from tests.conftest import Story, finish

FAULTY = [DraftRecipient(to="not a number", text="x", fault="number_invalid") for _ in range(3)]


async def test_a_campaign_with_some_faulty_recipients_sends_the_others(story: Story) -> None:
    good = story.draft(5).recipients
    admission = await story.service.admit(story.draft(0, recipients=[*FAULTY, *good]))
    campaign_id = admission.campaign.id
    held = story.store.accounts.show(story.account.id)
    assert held is not None and held.balances[CreditKind.SMS].available == 100_000 - 5 * 2
    assert admission.campaign.tally.failed == 3
    assert await finish(story, campaign_id) is CampaignStatus.FINISHED_WITH_FAILURES
    view = story.store.campaigns.get(campaign_id)
    assert view is not None
    assert (view.tally.total, view.tally.sent, view.tally.failed) == (8, 5, 3)
    failed = story.store.campaigns.messages(campaign_id, MessageStatus.FAILED)
    assert [(m.position, m.reason, m.attempts) for m in failed] == [
        (position, "number_invalid", 0) for position in range(3)
    ]
    assert all(message.final_at == view.created_at for message in failed)
    assert audit(story.store.database).findings == ()


async def test_a_campaign_of_faulty_recipients_alone_is_admitted_and_costs_nothing(
    story: Story,
) -> None:
    admission = await story.service.admit(story.draft(0, recipients=FAULTY))
    campaign_id = admission.campaign.id
    assert await finish(story, campaign_id) is CampaignStatus.FINISHED_WITH_FAILURES
    account = story.store.accounts.show(story.account.id)
    assert account is not None
    balance = account.balances[CreditKind.SMS]
    assert (balance.available, balance.held, balance.posted) == (100_000, 0, 0)
    assert story.carrier.log == []
    assert audit(story.store.database).findings == ()


async def test_a_campaign_takes_the_id_that_its_dialect_brings(story: Story) -> None:
    wanted = "0123456789ABCDEF0123456789ABCDEF"
    admission = await story.service.admit(story.draft(2), campaign_id=wanted)
    assert admission.campaign.id == wanted
    await finish(story, wanted)
    assert len(story.carrier.log) == 2
