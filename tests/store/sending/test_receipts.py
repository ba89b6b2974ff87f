"""Receipts move messages forward only, however often, early or late they come."""

import itertools

import pytest

from campaign.handoffs import Receipt
from campaign.instants import DAY, SECOND
from campaign.states import HANDED_OFF, CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.store import Store
from tests.store.builders import GRANTED, NOW, Books, outcome
from tests.store.racing import race

LATER = NOW + 3 * SECOND


def delivered(campaign: str, position: int = 0, at: int = LATER) -> Receipt:
    return Receipt(f"{campaign}-{position}", MessageStatus.DELIVERED, at)


def undelivered(campaign: str, position: int = 0) -> Receipt:
    return Receipt(f"{campaign}-{position}", MessageStatus.UNDELIVERED, LATER, code="no_such_one")


def test_a_receipt_says_what_became_of_a_sent_message(books: Books) -> None:
    campaign = books.admit(3)
    books.send(campaign)
    assert books.store.receipts.apply([delivered(campaign, 0), undelivered(campaign, 1)]) == 2
    assert books.statuses(campaign) == ["delivered", "undelivered", "sent"]
    first, second, _ = books.store.campaigns.messages(campaign)
    assert (first.sent_at, first.final_at, first.error) == (NOW, LATER, None)
    assert (second.final_at, second.error) == (LATER, "no_such_one")
    assert books.money() == (GRANTED - 6, 0, 6)


def test_a_repeated_or_contrary_receipt_changes_nothing(books: Books) -> None:
    campaign = books.admit(1)
    books.send(campaign)
    news = delivered(campaign)
    assert books.store.receipts.apply([news, news]) == 1
    assert books.store.receipts.apply([news]) == 0
    assert books.store.receipts.apply([undelivered(campaign)]) == 0
    assert books.store.receipts.apply([delivered(campaign, at=NOW + 3 * DAY)]) == 0
    (message,) = books.store.campaigns.messages(campaign)
    assert (message.status, message.final_at, message.error) == ("delivered", LATER, None)


def test_a_receipt_for_an_unknown_reference_changes_nothing(books: Books) -> None:
    assert books.store.receipts.apply([delivered("nobody")]) == 0
    assert books.store.receipts.apply([]) == 0


def test_a_reference_that_no_text_column_can_hold_matches_nothing(books: Books) -> None:
    campaign = books.admit(1)
    books.send(campaign)
    odd = [
        Receipt(reference, MessageStatus.DELIVERED, LATER, code=reference)
        for reference in ("\x00", "\ud800", "a\x00b", "\\u0000", "'; --")
    ]
    assert books.store.receipts.apply([*odd, delivered(campaign)]) == 1


@pytest.mark.parametrize("waiting", ["queued", "retryable", "failed", "skipped", "cancelled"])
def test_a_receipt_for_a_message_that_did_not_leave_changes_nothing(
    books: Books, waiting: str
) -> None:
    campaign = books.admit(1)
    books.execute("UPDATE message SET status = :status", status=waiting)
    assert books.store.receipts.apply([delivered(campaign)]) == 0
    assert books.statuses(campaign) == [waiting]
    assert books.money() == (GRANTED - 2, 2, 0)


def test_a_receipt_that_comes_before_the_answer_pays_once(books: Books) -> None:
    campaign = books.admit(1)
    books.claimed(campaign)
    assert books.store.receipts.apply([delivered(campaign)]) == 1
    books.write(campaign, outcome(0))
    assert books.statuses(campaign) == ["delivered"]
    assert books.money() == (GRANTED - 2, 0, 2)
    assert audit(books.store.database).findings == ()


def test_a_receipt_resolves_an_unknown_message_and_pays_for_it(books: Books) -> None:
    campaign = books.admit(2)
    books.claimed(campaign)
    books.write(campaign, *[outcome(n, MessageStatus.UNKNOWN, code="timeout") for n in range(2)])
    books.store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
    assert books.store.receipts.apply([delivered(campaign, 0), undelivered(campaign, 1)]) == 2
    assert books.statuses(campaign) == ["delivered", "undelivered"]
    assert books.money() == (GRANTED - 4, 0, 4)
    assert audit(books.store.database).findings == ()


def test_of_both_receipts_at_once_one_counts(books: Books) -> None:
    campaign = books.admit(1)
    books.send(campaign)
    assert books.store.receipts.apply([delivered(campaign), undelivered(campaign)]) == 1
    assert books.statuses(campaign)[0] in ("delivered", "undelivered")


def test_every_order_of_send_and_receipts_ends_the_same(books: Books) -> None:
    def answer(campaign: str) -> None:
        books.write(campaign, outcome(0))

    def news(campaign: str) -> None:
        books.store.receipts.apply([delivered(campaign)])

    for number, order in enumerate(itertools.permutations([answer, news, news])):
        campaign = books.admit(1)
        books.claimed(campaign)
        for act in order:
            act(campaign)
        assert books.statuses(campaign) == ["delivered"]
        assert books.money()[2] == 2 * (number + 1)


def test_batches_that_race_in_opposite_order_count_each_message_once(
    any_store: Store, rival_store: Store, books: Books
) -> None:
    campaign = books.admit(100)
    books.send(campaign)
    stores = (any_store, rival_store)
    receipts = [delivered(campaign, position) for position in range(100)]

    def apply(runner: int) -> int:
        batch = receipts if runner % 2 else receipts[::-1]
        return stores[runner % 2].receipts.apply(batch)

    assert sum(race(6, apply)) == 100
    assert books.statuses(campaign) == ["delivered"] * 100


def test_receipts_that_race_the_answers_lose_nothing(
    any_store: Store, rival_store: Store, books: Books
) -> None:
    campaign = books.admit(60)
    books.claimed(campaign)

    def run(runner: int) -> None:
        for start in range(0, 60, 4):
            positions = range(start, start + 4)
            if runner:
                rival_store.receipts.apply([delivered(campaign, n) for n in positions])
            else:
                books.write(campaign, *[outcome(n) for n in positions])

    race(2, run)
    assert set(books.statuses(campaign)) == {"delivered"}
    assert set(books.statuses(campaign)) <= set(HANDED_OFF)
    assert books.money() == (GRANTED - 120, 0, 120)
    assert audit(any_store.database).findings == ()
