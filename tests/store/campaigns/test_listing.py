"""Campaigns are listed by status, name, dialect, sender and time, and show their facts."""

import pytest

from campaign.credits import Price
from campaign.instants import HOUR
from campaign.rates import campaign_scope
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.listing import CampaignFilter
from store.clock import wall_clock
from tests.store.builders import NOW, SENDER, StoreBuilder, outcome


def listed(builder: StoreBuilder, **members: object) -> list[str]:
    """The ids of the campaigns that a filter leaves, read one by one."""
    wanted = CampaignFilter(**members)  # type: ignore[arg-type]
    campaigns = builder.store.campaigns
    ids = [view.id for view in campaigns.list(builder.account_id, 100, None, wanted)]
    one_by_one: list[str] = []
    while page := campaigns.list(
        builder.account_id, 1, one_by_one[-1] if one_by_one else None, wanted
    ):
        one_by_one.append(page[0].id)
    assert one_by_one == ids
    return ids


def test_each_filter_leaves_what_it_names(builder: StoreBuilder) -> None:
    spring = builder.save(name="Spring 50%_off!", now=NOW)
    autumn = builder.admit(name="AUTUMN sale", dialect="mobivate", sender="GODWIT", now=NOW + 1)
    nameless = builder.admit(name=None, now=NOW + 1)
    assert listed(builder) == [nameless, autumn, spring]
    assert listed(builder, status=CampaignStatus.DRAFT) == [spring]
    assert listed(builder, status=CampaignStatus.RUNNING) == [nameless, autumn]
    assert listed(builder, name="Sale") == listed(builder, name="autumn") == [autumn]
    for part in ("50%_off!", "%_", "!"):
        assert listed(builder, name=part) == [spring]
    for part in ("5%f", "50__off", "sales", "\x00", "' OR 1=1 --"):
        assert listed(builder, name=part) == []
    assert listed(builder, dialect="mobivate") == listed(builder, sender="GODWIT") == [autumn]
    assert listed(builder, sender=SENDER) == [nameless, spring]
    assert listed(builder, since=NOW + 1) == [nameless, autumn]
    assert listed(builder, until=NOW + 1) == [spring]
    assert listed(builder, since=NOW, until=NOW) == []
    assert listed(builder, dialect="native", status=CampaignStatus.RUNNING) == [nameless]


def test_answers_to_inbound_texts_are_listed_apart(builder: StoreBuilder) -> None:
    sale, answer = builder.admit(name="Sale"), builder.admit(1, name="Answer", is_answer=True)
    assert set(listed(builder)) == {sale, answer}
    assert listed(builder, is_answer=False) == [sale]
    assert listed(builder, is_answer=True) == [answer]


def test_another_accounts_campaigns_are_not_listed(builder: StoreBuilder) -> None:
    builder.admit(name="ours")
    other, _ = builder.store.accounts.create("other", 0)
    wanted = CampaignFilter(name="ours", status=CampaignStatus.RUNNING)
    assert builder.store.campaigns.list(other.id, 10, None, wanted) == []


def test_a_campaign_shows_its_credits_its_rate_and_its_reasons(builder: StoreBuilder) -> None:
    campaign = builder.admit(4)
    builder.claimed(campaign)
    builder.store.rates.set_rate(campaign_scope(campaign), 2.5)
    builder.write(
        campaign,
        outcome(0),
        outcome(1, MessageStatus.FAILED, code="invalid_number"),
        outcome(2, MessageStatus.FAILED, code="invalid_number"),
        outcome(3, MessageStatus.RETRYABLE, code="timeout", due_at=NOW + 9),
    )
    for view in (
        builder.store.campaigns.get(campaign),
        builder.store.campaigns.list(builder.account_id)[0],
    ):
        assert view is not None
        facts = view.facts
        assert facts.rate == 2.5
        assert facts.reasons == {("failed", "invalid_number"): 2, ("retryable", "timeout"): 1}
        assert facts.posted == Price(sms=2)
        assert facts.held + facts.posted + facts.voided == Price(sms=8)
        report = builder.store.campaigns.report(campaign)
        assert (report.held, report.voided, report.reasons) == (
            facts.held,
            facts.voided,
            facts.reasons,
        )


@pytest.mark.parametrize("rate", [None, 1_000.0])
def test_the_planned_end_is_when_the_last_message_is_due(
    builder: StoreBuilder, rate: float | None
) -> None:
    due = wall_clock() + HOUR
    campaign = builder.admit(3, due_at=due)
    if rate is not None:
        builder.store.rates.set_rate(campaign_scope(campaign), rate)
    view = builder.store.campaigns.get(campaign)
    assert view is not None and view.facts.planned_end is not None
    assert abs(view.facts.planned_end - due) <= 10
    builder.store.campaigns.set_status(campaign, CampaignStatus.PAUSED, NOW)
    paused = builder.store.campaigns.get(campaign)
    assert paused is not None and paused.facts.planned_end is None
