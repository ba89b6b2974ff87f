"""Two transactions made to meet at the worst statement, on the database that lets them.

Under READ COMMITTED each statement sees what was committed before it; whatever is read by one
statement and relied on by the next must be held still in between.
"""

import pytest

from campaign.handoffs import Receipt
from campaign.instants import HOUR, SECOND
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.store import Store
from tests.store.builders import GRANTED, NOW, SENDER, StoreBuilder, outcome
from tests.store.racing import meeting

KEY = "order:17"
REFUSAL = Refusal(RefusalCode.SENDER_NOT_OWNED, "not yours")


@pytest.fixture
def builder(postgres_store: Store) -> StoreBuilder:
    """Books on PostgreSQL; SQLite's one writer keeps such meetings from happening."""
    account, _ = postgres_store.accounts.create("tester", 0, GRANTED, GRANTED, (SENDER,))
    return StoreBuilder(postgres_store, account.id)


def receipt(campaign: str, position: int = 0) -> Receipt:
    return Receipt(f"{campaign}-{position}", MessageStatus.DELIVERED, NOW + SECOND)


def sound(builder: StoreBuilder) -> bool:
    assert audit(builder.store.database).findings == ()
    return True


def test_a_receipt_that_comes_while_the_answer_is_being_written_is_kept(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(1)
    builder.claimed(campaign)
    apply = builder.store.receipts.apply
    with meeting(
        builder.store.database, "UPDATE message SET", lambda: apply([receipt(campaign)])
    ) as applied:
        builder.write(campaign, outcome(0))
    assert applied == [1]
    assert builder.statuses(campaign) == ["delivered"]
    assert builder.money() == (GRANTED - 2, 0, 2)
    assert sound(builder)


@pytest.mark.parametrize("statement", ["FROM message", "UPDATE message SET"])
def test_an_answer_that_comes_while_its_receipt_is_being_written_pays_once(
    builder: StoreBuilder, statement: str
) -> None:
    campaign = builder.admit(1)
    builder.claimed(campaign)
    with meeting(builder.store.database, statement, lambda: builder.write(campaign, outcome(0))):
        builder.store.receipts.apply([receipt(campaign)])
    assert builder.statuses(campaign) == ["delivered"]
    assert builder.money() == (GRANTED - 2, 0, 2)
    assert sound(builder)


@pytest.mark.parametrize("statement", ["FROM campaign", "FROM message", "FROM hold", "INTO quota"])
def test_a_campaign_held_again_during_its_hold_counts_its_quota_once(
    builder: StoreBuilder, statement: str
) -> None:
    builder.store.accounts.update(builder.account_id, daily_quota=15)
    campaign = builder.save(10)
    hold = builder.store.admissions.hold
    with meeting(builder.store.database, statement, lambda: hold(campaign, NOW)) as held:
        assert hold(campaign, NOW) is None
    assert held == [None]
    assert builder.value("SELECT used FROM quota_day") == 10
    assert builder.money() == (GRANTED - 20, 20, 0)
    assert sound(builder)


@pytest.mark.parametrize("statement", ["FROM campaign", "FROM message", "FROM hold", "INTO quota"])
def test_a_campaign_refused_during_its_hold_holds_nothing(
    builder: StoreBuilder, statement: str
) -> None:
    campaign = builder.save(10)
    refuse = builder.store.campaigns.refuse
    with meeting(builder.store.database, statement, lambda: refuse(campaign, [REFUSAL], NOW)):
        builder.store.admissions.hold(campaign, NOW)
    assert builder.statuses(campaign) == ["cancelled"] * 10
    assert builder.money() == (GRANTED, 0, 0)
    assert sound(builder)


@pytest.mark.parametrize("statement", ["FROM campaign", "FROM message", "FROM hold", "UPDATE camp"])
def test_a_receipt_for_a_doubtful_message_during_the_settlement_leaves_no_credit_stuck(
    builder: StoreBuilder, statement: str
) -> None:
    campaign = builder.admit(3)
    builder.claimed(campaign)
    builder.write(campaign, outcome(0), outcome(1, MessageStatus.UNKNOWN, code="timeout"))
    builder.write(campaign, outcome(2, MessageStatus.FAILED, code="x"))
    apply = builder.store.receipts.apply
    with meeting(
        builder.store.database, statement, lambda: apply([receipt(campaign, 1)])
    ) as applied:
        builder.store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
    assert applied == [1]
    assert builder.money() == (GRANTED - 4, 0, 4)
    assert sound(builder)


def test_a_cancel_during_a_claim_takes_only_what_was_not_claimed(builder: StoreBuilder) -> None:
    campaign = builder.admit(10)
    cancel = builder.store.campaigns.cancel_rest
    with meeting(
        builder.store.database, "FROM message", lambda: cancel(campaign, NOW)
    ) as cancelled:
        claimed = builder.claimed(campaign, claim=4)
    assert claimed == [0, 1, 2, 3]
    assert cancelled == [6]
    assert builder.statuses(campaign) == ["sending"] * 4 + ["cancelled"] * 6


def test_a_claim_during_a_cancel_takes_nothing_that_is_being_cancelled(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(10)
    with meeting(
        builder.store.database, "SET status = 'cancelled'", lambda: builder.claimed(campaign)
    ) as claimed:
        assert builder.store.campaigns.cancel_rest(campaign, NOW) == 10
    assert claimed == [[]]
    assert builder.statuses(campaign) == ["cancelled"] * 10


def test_a_second_claimer_passes_over_the_rows_of_the_first(builder: StoreBuilder) -> None:
    campaign = builder.admit(10)
    with meeting(
        builder.store.database,
        "FOR UPDATE",
        lambda: builder.claimed(campaign, claim=4, token="second"),
    ) as second:
        first = builder.claimed(campaign, claim=4, token="first")
    assert (first, second) == ([0, 1, 2, 3], [[4, 5, 6, 7]])


def test_a_key_released_while_another_message_asks_for_it_is_not_lost(
    builder: StoreBuilder,
) -> None:
    first, second = builder.admit(1, keys=[KEY]), builder.admit(1, keys=[KEY])
    builder.claimed(first)
    failed = outcome(0, MessageStatus.FAILED, code="x")
    with meeting(
        builder.store.database, "INTO recipient_key", lambda: builder.write(first, failed)
    ):
        claim = builder.flush_and_claim(second)
    assert claim.deferred == 1
    assert builder.claimed(second, now=NOW + HOUR) == [0]
    assert sound(builder)


def test_a_key_claimed_while_its_holder_is_being_written_is_judged_by_the_outcome(
    builder: StoreBuilder,
) -> None:
    first, second = builder.admit(1, keys=[KEY]), builder.admit(1, keys=[KEY])
    builder.claimed(first)
    with meeting(
        builder.store.database, "INTO recipient_key", lambda: builder.flush_and_claim(second)
    ) as claims:
        builder.write(first, outcome(0))
    assert [outcome.skipped for outcome in claims] == [1]
    assert builder.statuses(second) == ["skipped"]


def test_an_opt_out_committed_before_the_claim_reads_it_is_obeyed(builder: StoreBuilder) -> None:
    campaign = builder.admit(2)
    add = builder.store.opt_outs.add
    with meeting(
        builder.store.database,
        "FROM message",
        lambda: add(builder.account_id, "+14155550001", "inbound", NOW),
    ):
        assert builder.claimed(campaign) == [0]


def test_a_saved_key_is_found_by_the_one_that_waited_for_it(builder: StoreBuilder) -> None:
    def save(campaign: str) -> str:
        composed = builder.composed(2, key="batch:1", prefix=campaign)
        return builder.store.campaigns.save(composed, campaign).campaign_id

    with meeting(builder.store.database, "INTO campaign_key", lambda: save("second")) as found:
        assert save("first") == "first"
    assert found == ["first"]


def test_a_sender_added_during_its_own_addition_is_there_once(builder: StoreBuilder) -> None:
    add = builder.store.accounts.add_sender
    with meeting(
        builder.store.database, "sender", lambda: add(builder.account_id, "72345", NOW)
    ) as added:
        add(builder.account_id, "72345", NOW)
    assert [view.address for view in added] == ["72345"]
    assert len(builder.store.accounts.senders(builder.account_id)) == 2


@pytest.mark.parametrize("statement", ["FROM campaign", "FROM message", "FROM hold"])
def test_a_report_made_during_a_send_is_of_one_instant(
    builder: StoreBuilder, statement: str
) -> None:
    campaign = builder.admit(3)
    with meeting(builder.store.database, statement, lambda: builder.send(campaign)):
        before = builder.store.campaigns.report(campaign)
    after = builder.store.campaigns.report(campaign)
    result = [(report.tally.sent, report.attempts, report.posted.sms) for report in (before, after)]
    assert result == [(0, 0, 0), (3, 3, 6)]
