"""A receipt proves a handoff that no answer told of, whenever it comes and whatever it claims."""

import pytest

from campaign.handoffs import Receipt
from campaign.instants import DAY, HOUR, SECOND
from campaign.states import MessageStatus
from store.campaigns.audit import audit
from store.store import Store
from tests.store.builders import GRANTED, NOW, Books, outcome
from tests.store.racing import race

KEY = "order:17"
DUE = NOW + 5 * SECOND
KEY_LIFE = 48 * HOUR


def put_off(books: Books, **members: object) -> str:
    """A campaign whose one message the carrier put off, or so we understood it."""
    campaign = books.admit(1, **members)
    books.claimed(campaign)
    books.write(campaign, outcome(0, MessageStatus.RETRYABLE, code="unavailable", due_at=DUE))
    return campaign


def news(campaign: str, at: int = DUE, status: MessageStatus = MessageStatus.DELIVERED) -> Receipt:
    return Receipt(f"{campaign}-0", status, at)


@pytest.mark.parametrize("status", [MessageStatus.DELIVERED, MessageStatus.UNDELIVERED])
def test_a_put_off_message_that_was_taken_after_all_is_paid_once_and_not_sent_again(
    books: Books, status: MessageStatus
) -> None:
    campaign = put_off(books)
    assert books.store.receipts.apply([news(campaign, status=status)] * 3) == 1
    assert books.store.receipts.apply([news(campaign, status=status)]) == 0
    assert books.statuses(campaign) == [status.value]
    assert books.claimed(campaign, now=DUE) == []
    assert books.store.admissions.waiting_rows(campaign, 9) == []
    assert books.money() == (GRANTED - 2, 0, 2)
    assert audit(books.store.database).findings == ()


def test_such_a_message_spends_its_key_though_it_had_lost_it(books: Books) -> None:
    campaign = put_off(books, keys=[KEY])
    assert books.value("SELECT count(*) FROM recipient_key") == 0
    books.store.receipts.apply([news(campaign)])
    rival = books.admit(1, keys=[KEY])
    assert books.claimed(rival, now=DUE + KEY_LIFE - 1) == []
    assert books.store.campaigns.messages(rival)[0].duplicate_of == f"{campaign}-0"
    heir = books.admit(1, keys=[KEY])
    assert books.claimed(heir, now=DUE + KEY_LIFE) == [0]
    assert audit(books.store.database).findings == ()


@pytest.mark.parametrize("spent", [False, True])
def test_a_key_that_another_message_took_meanwhile_stays_with_it(books: Books, spent: bool) -> None:
    campaign, rival = put_off(books, keys=[KEY]), books.admit(1, keys=[KEY])
    books.claimed(rival)
    if spent:
        books.write(rival, outcome(0, at=NOW + SECOND))
    books.store.receipts.apply([news(campaign)])
    assert books.value("SELECT campaign_id FROM recipient_key") == rival
    expected = NOW + SECOND + KEY_LIFE if spent else None
    assert books.value("SELECT free_at FROM recipient_key") == expected
    assert audit(books.store.database).findings == ()


def test_a_receipt_from_before_the_attempt_shortens_no_key(books: Books) -> None:
    campaign = books.admit(1, keys=[KEY])
    books.claimed(campaign)
    assert books.store.receipts.apply([news(campaign, at=NOW - 3 * DAY)]) == 1
    assert books.value("SELECT free_at FROM recipient_key") == NOW + KEY_LIFE
    assert books.store.campaigns.messages(campaign)[0].sent_at == NOW


def test_a_receipt_and_the_next_try_that_race_leave_one_handoff(
    any_store: Store, rival_store: Store, books: Books
) -> None:
    campaigns = [put_off(books, keys=[f"key:{n}"]) for n in range(12)]

    def run(runner: int) -> int:
        if runner:
            return sum(rival_store.receipts.apply([news(campaign)]) for campaign in campaigns)
        return sum(len(books.send(campaign, now=DUE)) for campaign in campaigns)

    race(2, run)
    result = {status for campaign in campaigns for status in books.statuses(campaign)}
    assert result <= {"sent", "delivered"}
    assert books.money() == (GRANTED - 24, 0, 24)
    assert books.value("SELECT count(*) FROM recipient_key WHERE free_at IS NOT NULL") == 12
    assert audit(any_store.database).findings == ()
