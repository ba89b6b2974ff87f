"""A message sent again by policy stays one that may have left, whatever becomes of its next try."""

import pytest

from campaign.handoffs import Receipt, Repeats
from campaign.instants import HOUR, SECOND
from campaign.model import UnknownPolicy
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from tests.store.builders import GRANTED, NOW, Books, number, outcome

KEY = "order:17"
LATER = NOW + HOUR


@pytest.fixture
def reopened(books: Books) -> str:
    """A campaign whose one message was doubtful and waits to be sent again."""
    campaign = books.admit(1, keys=[KEY], unknown_policy=UnknownPolicy.RESEND)
    books.claimed(campaign)
    books.write(campaign, outcome(0, MessageStatus.UNKNOWN, code="timeout"))
    assert books.store.resolving.reopen_unknown(campaign, {"pretend": Repeats.NONE}, LATER) == 1
    return campaign


def still_in_doubt(books: Books, campaign: str) -> bool:
    """It is unknown, and its credits and its key are kept for it."""
    assert books.statuses(campaign) == ["unknown"]
    assert books.value("SELECT free_at IS NULL FROM recipient_key")
    assert books.money()[1:] == (2, 0)
    books.store.admissions.settle(campaign, CampaignStatus.CANCELLED, LATER)
    assert books.money()[1:] == (2, 0)
    return audit(books.store.database).findings == ()


def test_its_key_stays_claimed_while_it_waits_to_be_sent_again(books: Books, reopened: str) -> None:
    assert audit(books.store.database).findings == ()
    rival = books.admit(1, keys=[KEY], now=LATER)
    claim = books.flush_and_claim(rival, now=LATER)
    # As for any holder of unknown fate: the recipient may have the message.
    assert (claim.claimed, claim.skipped) == ([], 1)
    assert books.store.campaigns.messages(rival)[0].duplicate_of == f"{reopened}-0"


def test_sent_again_it_is_paid_once_and_spends_its_key(books: Books, reopened: str) -> None:
    assert books.send(reopened, now=LATER) == [0]
    assert books.money() == (GRANTED - 2, 0, 2)
    assert books.value("SELECT free_at FROM recipient_key") == LATER + 48 * HOUR
    assert audit(books.store.database).findings == ()


def test_a_cancel_does_not_call_it_cancelled(books: Books, reopened: str) -> None:
    assert books.store.campaigns.cancel_rest(reopened, LATER) == 0
    assert still_in_doubt(books, reopened)


def test_an_opt_out_does_not_call_it_skipped(books: Books, reopened: str) -> None:
    books.store.opt_outs.add(books.account_id, number(0), "inbound", LATER)
    assert books.store.admissions.skip_opted_out(reopened, LATER) == 0
    assert books.claimed(reopened, now=LATER) == []
    message = books.store.campaigns.messages(reopened)[0]
    assert (message.reason, message.final_at) == (None, None)
    assert still_in_doubt(books, reopened)


def test_a_refusal_of_its_next_try_does_not_call_it_failed(books: Books, reopened: str) -> None:
    books.claimed(reopened, now=LATER)
    books.write(reopened, outcome(0, MessageStatus.FAILED, attempt=2, at=LATER, code="blocked"))
    message = books.store.campaigns.messages(reopened)[0]
    assert (message.reason, message.final_at, message.error) == (None, None, "blocked")
    assert still_in_doubt(books, reopened)


def test_put_off_it_keeps_its_key_and_is_cancelled_by_nobody(books: Books, reopened: str) -> None:
    books.claimed(reopened, now=LATER)
    due_at = LATER + 5 * SECOND
    books.write(reopened, outcome(0, MessageStatus.RETRYABLE, attempt=2, code="x", due_at=due_at))
    assert books.statuses(reopened) == ["retryable"]
    assert audit(books.store.database).findings == ()
    books.store.campaigns.cancel_rest(reopened, LATER)
    assert still_in_doubt(books, reopened)


def test_a_receipt_ends_the_doubt_before_its_next_try(books: Books, reopened: str) -> None:
    news = Receipt(f"{reopened}-0", MessageStatus.DELIVERED, LATER)
    assert books.store.receipts.apply([news, news]) == 1
    assert books.claimed(reopened, now=LATER) == []
    assert books.statuses(reopened) == ["delivered"]
    assert books.money() == (GRANTED - 2, 0, 2)
    assert books.value("SELECT free_at FROM recipient_key") == LATER + 48 * HOUR
    assert audit(books.store.database).findings == ()
