"""A message sent again by policy stays one that may have left, whatever becomes of its next try."""

import pytest

from campaign.handoffs import Receipt, Repeats
from campaign.instants import HOUR, SECOND
from campaign.model import UnknownPolicy
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from tests.store.builders import GRANTED, NOW, StoreBuilder, number, outcome

KEY = "order:17"
LATER = NOW + HOUR


@pytest.fixture
def reopened(builder: StoreBuilder) -> str:
    """A campaign whose one message was doubtful and waits to be sent again."""
    campaign = builder.admit(1, keys=[KEY], unknown_policy=UnknownPolicy.RESEND)
    builder.claimed(campaign)
    builder.write(campaign, outcome(0, MessageStatus.UNKNOWN, code="timeout"))
    assert builder.store.resolving.reopen_unknown(campaign, {"pretend": Repeats.NONE}, LATER) == 1
    return campaign


def still_unknown(builder: StoreBuilder, campaign: str) -> bool:
    """It is unknown, and its credits and its key are kept for it."""
    assert builder.statuses(campaign) == ["unknown"]
    assert builder.value("SELECT free_at IS NULL FROM recipient_key")
    assert builder.money()[1:] == (2, 0)
    builder.store.admissions.settle(campaign, CampaignStatus.CANCELLED, LATER)
    assert builder.money()[1:] == (2, 0)
    return audit(builder.store.database).findings == ()


def test_its_key_stays_claimed_while_it_waits_to_be_sent_again(
    builder: StoreBuilder, reopened: str
) -> None:
    assert audit(builder.store.database).findings == ()
    rival = builder.admit(1, keys=[KEY], now=LATER)
    claim = builder.flush_and_claim(rival, now=LATER)
    # As for any holder of unknown fate: the recipient may have the message.
    assert (claim.claimed, claim.skipped) == ([], 1)
    assert builder.store.campaigns.messages(rival)[0].duplicate_of == f"{reopened}-0"


def test_sent_again_it_is_paid_once_and_spends_its_key(
    builder: StoreBuilder, reopened: str
) -> None:
    assert builder.send(reopened, now=LATER) == [0]
    assert builder.money() == (GRANTED - 2, 0, 2)
    assert builder.value("SELECT free_at FROM recipient_key") == LATER + 48 * HOUR
    assert audit(builder.store.database).findings == ()


def test_a_cancel_does_not_call_it_cancelled(builder: StoreBuilder, reopened: str) -> None:
    assert builder.store.campaigns.cancel_rest(reopened, LATER) == 0
    assert still_unknown(builder, reopened)


def test_an_opt_out_does_not_call_it_skipped(builder: StoreBuilder, reopened: str) -> None:
    builder.store.opt_outs.add(builder.account_id, number(0), "inbound", LATER)
    assert builder.store.admissions.skip_opted_out(reopened, LATER) == 0
    assert builder.claimed(reopened, now=LATER) == []
    message = builder.store.campaigns.messages(reopened)[0]
    assert (message.reason, message.final_at) == (None, None)
    assert still_unknown(builder, reopened)


def test_a_refusal_of_its_next_try_does_not_call_it_failed(
    builder: StoreBuilder, reopened: str
) -> None:
    builder.claimed(reopened, now=LATER)
    builder.write(reopened, outcome(0, MessageStatus.FAILED, attempt=2, at=LATER, code="blocked"))
    message = builder.store.campaigns.messages(reopened)[0]
    assert (message.reason, message.final_at, message.error) == (None, None, "blocked")
    assert still_unknown(builder, reopened)


def test_put_off_it_keeps_its_key_and_is_cancelled_by_nobody(
    builder: StoreBuilder, reopened: str
) -> None:
    builder.claimed(reopened, now=LATER)
    due_at = LATER + 5 * SECOND
    builder.write(reopened, outcome(0, MessageStatus.RETRYABLE, attempt=2, code="x", due_at=due_at))
    assert builder.statuses(reopened) == ["retryable"]
    assert audit(builder.store.database).findings == ()
    builder.store.campaigns.cancel_rest(reopened, LATER)
    assert still_unknown(builder, reopened)


def test_a_receipt_ends_the_doubt_before_its_next_try(builder: StoreBuilder, reopened: str) -> None:
    receipt = Receipt(f"{reopened}-0", MessageStatus.DELIVERED, LATER)
    assert builder.store.receipts.apply([receipt, receipt]) == 1
    assert builder.claimed(reopened, now=LATER) == []
    assert builder.statuses(reopened) == ["delivered"]
    assert builder.money() == (GRANTED - 2, 0, 2)
    assert builder.value("SELECT free_at FROM recipient_key") == LATER + 48 * HOUR
    assert audit(builder.store.database).findings == ()
