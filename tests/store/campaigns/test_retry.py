"""A retry: what failed for a passing reason waits again, paid for anew, and all else stays."""

import re

import pytest

from campaign.credits import CreditKind, MessageKind
from campaign.handoffs import Receipt
from campaign.instants import DAY, HOUR
from campaign.ports import Outcome
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.campaigns.retry import Retried
from store.store import Store
from tests.store.builders import GRANTED, NOW, Books, outcome
from tests.store.racing import race

LATER = NOW + HOUR
FAILURES = CampaignStatus.FINISHED_WITH_FAILURES
SENT, FAILED = MessageStatus.SENT, MessageStatus.FAILED


def ended(books: Books, *codes: str | None, **members: object) -> str:
    """A campaign that is over; each message failed with its code, or was sent for want of one."""
    campaign = books.admit(len(codes), **members)
    books.claimed(campaign)
    outcomes: list[Outcome] = []
    for position, code in enumerate(codes):
        outcomes.append(outcome(position, FAILED if code else SENT, code=code))
    books.write(campaign, *outcomes)
    books.store.admissions.settle(campaign, FAILURES, NOW)
    return campaign


def retry(books: Books, campaign: str, now: int = LATER) -> Retried | Refusal:
    return books.store.retrying.retry(campaign, now)


def status(books: Books, campaign: str) -> CampaignStatus:
    view = books.store.campaigns.get(campaign)
    assert view is not None
    return view.status


def in_balance(books: Books) -> bool:
    return audit(books.store.database).findings == ()


def test_what_failed_for_a_passing_reason_is_queued_paid_for_and_sent(books: Books) -> None:
    campaign = ended(books, None, "unavailable", "invalid_number", "carrier_configuration")
    assert books.money() == (GRANTED - 2, 0, 2)
    assert retry(books, campaign) is Retried.AGAIN
    assert books.statuses(campaign) == ["sent", "queued", "failed", "queued"]
    assert books.money() == (GRANTED - 6, 4, 2)
    view = books.store.campaigns.get(campaign)
    assert view is not None
    assert (view.status, view.finished_at) == (CampaignStatus.RUNNING, None)
    again = books.store.campaigns.messages(campaign)[1]
    assert (again.reason, again.error, again.final_at, again.due_at) == (None, None, None, LATER)
    assert in_balance(books)
    assert books.send(campaign, LATER) == [1, 3]
    stands, _ = books.store.admissions.settle(campaign, FAILURES, LATER)
    assert stands is FAILURES
    assert books.money() == (GRANTED - 6, 0, 6)
    assert in_balance(books)


def test_texts_with_media_are_paid_for_in_both_kinds(books: Books) -> None:
    campaign = ended(books, "rate_limited", None, kind=MessageKind.MMS)
    assert retry(books, campaign) is Retried.AGAIN
    assert books.money() == (GRANTED - 2, 1, 1)
    assert books.money(CreditKind.MMS) == (GRANTED - 2, 1, 1)
    assert in_balance(books)


@pytest.mark.parametrize(
    "code", ["invalid_number", "blocked", "opted_out", "filtered", "http_400", "never_heard_of"]
)
def test_a_no_for_good_is_nothing_to_retry(books: Books, code: str) -> None:
    campaign = ended(books, None, code)
    assert retry(books, campaign) is Retried.NOTHING
    assert books.statuses(campaign) == ["sent", "failed"]
    assert status(books, campaign) is FAILURES
    assert books.money() == (GRANTED - 2, 0, 2)


def test_neither_a_fault_at_admission_nor_an_operators_word_is_retried(books: Books) -> None:
    campaign = books.admit(2)
    (first,) = books.claimed(campaign, claim=1)
    books.write(campaign, outcome(first, MessageStatus.UNKNOWN, code="timeout"))
    books.store.resolving.resolve(campaign, f"{campaign}-0", False, NOW)
    books.execute("UPDATE message SET status = 'failed', reason = 'timeout' WHERE position = 1")
    books.store.admissions.settle(campaign, FAILURES, NOW)
    assert retry(books, campaign) is Retried.NOTHING


def test_a_finished_campaign_has_nothing_and_another_end_or_none_is_told(books: Books) -> None:
    finished, running = books.admit(1), books.admit(1)
    books.send(finished)
    books.store.admissions.settle(finished, CampaignStatus.FINISHED, NOW)
    assert retry(books, finished) is Retried.NOTHING
    assert retry(books, running) is Retried.RUNS
    assert retry(books, books.save(1)) is Retried.RUNS
    for end in ("refused", "cancelled", "expired"):
        books.execute("UPDATE campaign SET status = :end WHERE id = :id", end=end, id=finished)
        assert retry(books, finished) is Retried.ENDED


def test_who_asks_twice_finds_it_under_way_and_nothing_is_doubled(books: Books) -> None:
    campaign = ended(books, "unavailable", "unavailable")
    assert retry(books, campaign) is Retried.AGAIN
    for _ in range(3):
        assert retry(books, campaign) is Retried.UNDER_WAY
    assert books.money() == (GRANTED - 4, 4, 0)
    assert [view.id for view in books.store.retrying.under_way("", 10)] == [campaign]
    assert in_balance(books)


def test_of_ten_retries_at_once_one_pays_and_the_others_find_it_under_way(
    books: Books, rival_store: Store
) -> None:
    campaign = ended(books, None, "unavailable", "unavailable")
    stores = (books.store, rival_store)
    result = race(10, lambda runner: stores[runner % 2].retrying.retry(campaign, LATER))
    assert sorted(map(str, result)) == ["again"] + ["under_way"] * 9
    assert books.money() == (GRANTED - 6, 4, 2)
    assert in_balance(books)


def test_without_enough_credits_nothing_at_all_is_changed(books: Books) -> None:
    campaign = ended(books, "unavailable", "unavailable", key="batch:1")
    books.execute("UPDATE credit SET available = 3, granted = 3 WHERE kind = 'sms'")
    before = books.store.campaigns.messages(campaign)
    result = retry(books, campaign)
    assert isinstance(result, Refusal) and result.code is RefusalCode.CREDITS_INSUFFICIENT
    assert books.store.campaigns.messages(campaign) == before
    assert status(books, campaign) is FAILURES
    assert books.money() == (3, 0, 0)
    assert books.value("SELECT count(*) FROM campaign_key") == 0


def test_a_campaign_may_be_retried_again_and_again(books: Books) -> None:
    campaign = ended(books, "unavailable", None)
    for day in range(1, 4):
        now = NOW + day * DAY
        assert retry(books, campaign, now) is Retried.AGAIN
        (handoff,) = books.flush_and_claim(campaign, now=now).claimed
        assert (handoff.attempt, handoff.round) == (day + 1, 1)
        books.write(campaign, outcome(0, FAILED, handoff.attempt, now, code="unavailable"))
        books.store.admissions.settle(campaign, FAILURES, now)
        assert in_balance(books)
    assert books.money() == (GRANTED - 2, 0, 2)


def test_each_retry_has_its_whole_number_of_tries(books: Books) -> None:
    campaign = books.admit(1)
    for attempt in (1, 2, 3):
        (handoff,) = books.flush_and_claim(campaign).claimed
        assert (handoff.attempt, handoff.round) == (attempt, attempt)
        end = FAILED if attempt == 3 else MessageStatus.RETRYABLE
        books.write(campaign, outcome(0, end, attempt, code="unavailable", due_at=NOW))
    books.store.admissions.settle(campaign, FAILURES, NOW)
    assert retry(books, campaign) is Retried.AGAIN
    for attempt in (4, 5):
        (handoff,) = books.flush_and_claim(campaign, now=LATER).claimed
        assert (handoff.attempt, handoff.round) == (attempt, attempt - 3)
        put_off = outcome(0, MessageStatus.RETRYABLE, attempt, code="unavailable", due_at=NOW)
        books.write(campaign, put_off)


def test_a_failed_send_left_its_key_free_and_the_retry_spends_it(books: Books) -> None:
    campaign = ended(books, "unavailable", "unavailable", keys=["key:0", "key:1"])
    assert books.value("SELECT count(*) FROM recipient_key") == 0
    # The key of the second has gone to somebody else since.
    other = books.admit(1, keys=["key:1"])
    books.send(other)
    assert retry(books, campaign) is Retried.AGAIN
    assert books.send(campaign, LATER) == [0]
    assert books.statuses(campaign) == ["sent", "skipped"]
    spent = books.value("SELECT message_id FROM recipient_key WHERE key = 'key:0'")
    assert spent == f"{campaign}-0"
    books.store.admissions.settle(campaign, FAILURES, LATER)
    assert books.money() == (GRANTED - 4, 0, 4)
    assert in_balance(books)


def test_who_opted_out_since_is_skipped_by_the_claim(books: Books) -> None:
    campaign = ended(books, "unavailable", None)
    number = books.store.campaigns.messages(campaign)[0].to
    books.store.opt_outs.add(books.account_id, number, "inbound", LATER)
    assert retry(books, campaign) is Retried.AGAIN
    assert books.send(campaign, LATER) == []
    assert books.statuses(campaign) == ["skipped", "sent"]


def test_the_campaigns_key_is_held_while_it_runs_again(books: Books) -> None:
    campaign = ended(books, "unavailable", key="batch:1")
    assert retry(books, campaign) is Retried.AGAIN
    saved = books.store.campaigns.save(books.composed(1, key="batch:1", prefix="x"), "cmp_x")
    assert (saved.campaign_id, saved.created) == (campaign, False)
    books.send(campaign, LATER)
    books.store.admissions.settle(campaign, CampaignStatus.FINISHED, LATER)
    assert in_balance(books)


def test_a_campaign_whose_key_has_brought_another_since_is_not_retried(books: Books) -> None:
    campaign = ended(books, "unavailable", key="batch:1")
    books.admit(1, key="batch:1")
    result = retry(books, campaign)
    assert isinstance(result, Refusal) and result.code is RefusalCode.KEY_REUSED
    assert status(books, campaign) is FAILURES
    assert in_balance(books)


def test_a_settlement_that_comes_late_does_not_end_a_retried_campaign(books: Books) -> None:
    campaign = ended(books, "unavailable", None)
    assert retry(books, campaign) is Retried.AGAIN
    stands, tally = books.store.admissions.settle(campaign, CampaignStatus.FINISHED, LATER)
    assert (stands, tally.queued) == (CampaignStatus.RUNNING, 1)
    assert books.money() == (GRANTED - 4, 2, 2)
    books.claimed(campaign, now=LATER)
    assert books.store.admissions.settle(campaign, FAILURES, LATER)[0] is CampaignStatus.RUNNING
    assert in_balance(books)


def test_a_late_receipt_for_what_waits_again_is_believed_and_nothing_more_is_sent(
    books: Books,
) -> None:
    campaign = ended(books, "timeout", None)
    assert retry(books, campaign) is Retried.AGAIN
    receipt = Receipt(f"{campaign}-0", MessageStatus.DELIVERED, LATER)
    assert books.store.receipts.apply([receipt]) == 1
    assert books.claimed(campaign, now=LATER) == []
    books.store.admissions.settle(campaign, CampaignStatus.FINISHED, LATER)
    assert books.money() == (GRANTED - 4, 0, 4)
    assert in_balance(books)


def test_the_second_end_and_a_second_failure_are_told_again(books: Books) -> None:
    events = ("campaign.*", "message.failed")
    books.store.endpoints.add(books.account_id, "https://a.example/", events, "native", NOW)
    campaign = ended(books, "unavailable")
    retry(books, campaign)
    (handoff,) = books.flush_and_claim(campaign, now=LATER).claimed
    books.write(campaign, outcome(0, FAILED, handoff.attempt, LATER, code="unavailable"))
    books.store.admissions.settle(campaign, FAILURES, LATER)
    for event in ("campaign.finished_with_failures", "message.failed"):
        assert books.value("SELECT count(*) FROM callback WHERE event = :event", event=event) == 2


def test_the_quota_is_not_charged_again(books: Books) -> None:
    campaign = ended(books, "unavailable", None)
    used = books.value("SELECT sum(used) FROM quota_day")
    retry(books, campaign)
    assert books.value("SELECT sum(used) FROM quota_day") == used == 2


def test_hold_entries_are_named_so_that_none_is_booked_twice(books: Books) -> None:
    campaign = ended(books, "unavailable")
    retry(books, campaign)
    found = books.value("SELECT max(id) FROM ledger_entry WHERE movement = 'hold'")
    assert re.fullmatch(rf"hold:{campaign}:sms:1", str(found))
