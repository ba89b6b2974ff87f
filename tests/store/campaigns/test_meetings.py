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
from tests.store.builders import GRANTED, NOW, SENDER, Books, outcome
from tests.store.racing import meeting

KEY = "order:17"
REFUSAL = Refusal(RefusalCode.SENDER_NOT_OWNED, "not yours")


@pytest.fixture
def books(postgres_store: Store) -> Books:
    """Books on PostgreSQL; SQLite's one writer keeps such meetings from happening."""
    account, _ = postgres_store.accounts.create("tester", 0, GRANTED, GRANTED, (SENDER,))
    return Books(postgres_store, account.id)


def receipt(campaign: str, position: int = 0) -> Receipt:
    return Receipt(f"{campaign}-{position}", MessageStatus.DELIVERED, NOW + SECOND)


def sound(books: Books) -> bool:
    assert audit(books.store.database).findings == ()
    return True


def test_a_receipt_that_comes_while_the_answer_is_being_written_is_kept(books: Books) -> None:
    campaign = books.admit(1)
    books.claimed(campaign)
    apply = books.store.receipts.apply
    with meeting(
        books.store.database, "UPDATE message SET", lambda: apply([receipt(campaign)])
    ) as applied:
        books.write(campaign, outcome(0))
    assert applied == [1]
    assert books.statuses(campaign) == ["delivered"]
    assert books.money() == (GRANTED - 2, 0, 2)
    assert sound(books)


@pytest.mark.parametrize("statement", ["FROM message", "UPDATE message SET"])
def test_an_answer_that_comes_while_its_receipt_is_being_written_pays_once(
    books: Books, statement: str
) -> None:
    campaign = books.admit(1)
    books.claimed(campaign)
    with meeting(books.store.database, statement, lambda: books.write(campaign, outcome(0))):
        books.store.receipts.apply([receipt(campaign)])
    assert books.statuses(campaign) == ["delivered"]
    assert books.money() == (GRANTED - 2, 0, 2)
    assert sound(books)


@pytest.mark.parametrize("statement", ["FROM campaign", "FROM message", "FROM hold", "INTO quota"])
def test_a_campaign_held_again_during_its_hold_counts_its_quota_once(
    books: Books, statement: str
) -> None:
    books.store.accounts.update(books.account_id, daily_quota=15)
    campaign = books.save(10)
    hold = books.store.admissions.hold
    with meeting(books.store.database, statement, lambda: hold(campaign, NOW)) as held:
        assert hold(campaign, NOW) is None
    assert held == [None]
    assert books.value("SELECT used FROM quota_day") == 10
    assert books.money() == (GRANTED - 20, 20, 0)
    assert sound(books)


@pytest.mark.parametrize("statement", ["FROM campaign", "FROM message", "FROM hold", "INTO quota"])
def test_a_campaign_refused_during_its_hold_holds_nothing(books: Books, statement: str) -> None:
    campaign = books.save(10)
    refuse = books.store.campaigns.refuse
    with meeting(books.store.database, statement, lambda: refuse(campaign, [REFUSAL], NOW)):
        books.store.admissions.hold(campaign, NOW)
    assert books.statuses(campaign) == ["cancelled"] * 10
    assert books.money() == (GRANTED, 0, 0)
    assert sound(books)


@pytest.mark.parametrize("statement", ["FROM campaign", "FROM message", "FROM hold", "UPDATE camp"])
def test_a_receipt_for_a_doubtful_message_during_the_settlement_leaves_no_credit_stuck(
    books: Books, statement: str
) -> None:
    campaign = books.admit(3)
    books.claimed(campaign)
    books.write(campaign, outcome(0), outcome(1, MessageStatus.UNKNOWN, code="timeout"))
    books.write(campaign, outcome(2, MessageStatus.FAILED, code="x"))
    apply = books.store.receipts.apply
    with meeting(books.store.database, statement, lambda: apply([receipt(campaign, 1)])) as applied:
        books.store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
    assert applied == [1]
    assert books.money() == (GRANTED - 4, 0, 4)
    assert sound(books)


def test_a_cancel_during_a_claim_takes_only_what_was_not_claimed(books: Books) -> None:
    campaign = books.admit(10)
    cancel = books.store.campaigns.cancel_rest
    with meeting(books.store.database, "FROM message", lambda: cancel(campaign, NOW)) as cancelled:
        claimed = books.claimed(campaign, claim=4)
    assert claimed == [0, 1, 2, 3]
    assert cancelled == [6]
    assert books.statuses(campaign) == ["sending"] * 4 + ["cancelled"] * 6


def test_a_claim_during_a_cancel_takes_nothing_that_is_being_cancelled(books: Books) -> None:
    campaign = books.admit(10)
    with meeting(
        books.store.database, "SET status = 'cancelled'", lambda: books.claimed(campaign)
    ) as claimed:
        assert books.store.campaigns.cancel_rest(campaign, NOW) == 10
    assert claimed == [[]]
    assert books.statuses(campaign) == ["cancelled"] * 10


def test_a_second_claimer_passes_over_the_rows_of_the_first(books: Books) -> None:
    campaign = books.admit(10)
    with meeting(
        books.store.database,
        "FOR UPDATE",
        lambda: books.claimed(campaign, claim=4, token="second"),
    ) as second:
        first = books.claimed(campaign, claim=4, token="first")
    assert (first, second) == ([0, 1, 2, 3], [[4, 5, 6, 7]])


def test_a_key_released_while_another_message_asks_for_it_is_not_lost(books: Books) -> None:
    first, second = books.admit(1, keys=[KEY]), books.admit(1, keys=[KEY])
    books.claimed(first)
    failed = outcome(0, MessageStatus.FAILED, code="x")
    with meeting(books.store.database, "INTO recipient_key", lambda: books.write(first, failed)):
        claim = books.flush_and_claim(second)
    assert claim.deferred == 1
    assert books.claimed(second, now=NOW + HOUR) == [0]
    assert sound(books)


def test_a_key_claimed_while_its_holder_is_being_written_is_judged_by_the_outcome(
    books: Books,
) -> None:
    first, second = books.admit(1, keys=[KEY]), books.admit(1, keys=[KEY])
    books.claimed(first)
    with meeting(
        books.store.database, "INTO recipient_key", lambda: books.flush_and_claim(second)
    ) as claims:
        books.write(first, outcome(0))
    assert [outcome.skipped for outcome in claims] == [1]
    assert books.statuses(second) == ["skipped"]


def test_an_opt_out_committed_before_the_claim_reads_it_is_obeyed(books: Books) -> None:
    campaign = books.admit(2)
    add = books.store.opt_outs.add
    with meeting(
        books.store.database,
        "FROM message",
        lambda: add(books.account_id, "+14155550001", "inbound", NOW),
    ):
        assert books.claimed(campaign) == [0]


def test_a_saved_key_is_found_by_the_one_that_waited_for_it(books: Books) -> None:
    def save(campaign: str) -> str:
        composed = books.composed(2, key="batch:1", prefix=campaign)
        return books.store.campaigns.save(composed, campaign).campaign_id

    with meeting(books.store.database, "INTO campaign_key", lambda: save("second")) as found:
        assert save("first") == "first"
    assert found == ["first"]


def test_a_sender_added_during_its_own_addition_is_there_once(books: Books) -> None:
    add = books.store.accounts.add_sender
    with meeting(
        books.store.database, "sender", lambda: add(books.account_id, "72345", NOW)
    ) as added:
        add(books.account_id, "72345", NOW)
    assert [view.address for view in added] == ["72345"]
    assert len(books.store.accounts.senders(books.account_id)) == 2


@pytest.mark.parametrize("statement", ["FROM campaign", "FROM message", "FROM hold"])
def test_a_report_made_during_a_send_is_of_one_instant(books: Books, statement: str) -> None:
    campaign = books.admit(3)
    with meeting(books.store.database, statement, lambda: books.send(campaign)):
        before = books.store.campaigns.report(campaign)
    after = books.store.campaigns.report(campaign)
    result = [(report.tally.sent, report.attempts, report.posted.sms) for report in (before, after)]
    assert result == [(0, 0, 0), (3, 3, 6)]
