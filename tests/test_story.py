"""A campaign from end to end: service, workflow, store and a carrier behind real HTTP."""

from dataclasses import replace

import pytest

from campaign.credits import CreditKind
from campaign.instants import DAY, MINUTE, SECOND
from campaign.refusals import RefusalCode, Refused
from campaign.states import CampaignStatus
from tests.conftest import Story, finish


async def test_a_campaign_is_sent_paid_and_settled(real_story: Story) -> None:
    story = real_story
    draft = story.draft(1_200)
    admission = await story.service.admit(draft)
    assert admission.campaign.status is not CampaignStatus.DRAFT
    await finish(story, admission.campaign.id)
    view = story.store.campaigns.get(admission.campaign.id)
    assert view is not None
    assert view.tally.sent == 1_200
    references = [row["reference"] for row in story.carrier.log]
    assert len(references) == len(set(references)) == 1_200
    account = story.store.accounts.show(story.account.id)
    assert account is not None
    balance = account.balances[CreditKind.SMS]
    assert (balance.available, balance.held, balance.posted) == (100_000 - 2_400, 0, 2_400)


async def test_magic_numbers_end_as_they_should(story: Story) -> None:
    draft = story.draft(20)
    odd = [
        replace(draft.recipients[index], to=f"+1416555{digits}")
        for index, digits in enumerate(["0001", "0002", "0004", "0005"])
    ]
    draft = replace(draft, recipients=odd + draft.recipients[4:])
    campaign = (await story.service.admit(draft)).campaign
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED_WITH_FAILURES
    tally = story.store.campaigns.tally(campaign.id)
    assert (tally.sent, tally.failed, tally.total) == (19, 1, 20)
    assert len({row["reference"] for row in story.carrier.log}) == len(story.carrier.log) == 19
    report = story.store.campaigns.report(campaign.id)
    assert report.reasons[("failed", "invalid_number")] == 1
    assert (report.posted.sms, report.voided.sms, report.held.sms) == (38, 2, 0)


async def test_a_schedule_thirteen_days_ahead_is_kept(story: Story) -> None:
    due_at = await story.now() + 13 * DAY
    campaign = (await story.service.admit(story.draft(10, scheduled_at=due_at))).campaign
    assert campaign.status is CampaignStatus.SCHEDULED
    await finish(story, campaign.id)
    assert all(due_at <= sent_at <= due_at + 5 * SECOND for sent_at in story.sent_at(campaign.id))


async def test_a_spread_of_six_hours_is_even(story: Story) -> None:
    start = await story.now() + DAY
    draft = story.draft(360, scheduled_at=start, spread_hours=6.0)
    campaign = (await story.service.admit(draft)).campaign
    await finish(story, campaign.id)
    sent = story.sent_at(campaign.id)
    ideal = [start + MINUTE * position for position in range(360)]
    late = sorted(a - b for a, b in zip(sent, ideal, strict=True))
    assert late[0] >= 0
    assert late[int(len(late) * 0.99)] <= 2 * SECOND


async def test_a_refused_sender_stores_no_hold(story: Story) -> None:
    with pytest.raises(Refused) as caught:
        await story.service.admit(story.draft(10, sender="+18005550000"))
    assert caught.value.refusals[0].code is RefusalCode.SENDER_NOT_OWNED
    assert story.carrier.log == []
    account = story.store.accounts.show(story.account.id)
    assert account is not None and account.balances[CreditKind.SMS].available == 100_000
