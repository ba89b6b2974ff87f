"""A receipt proves a handoff that no answer told of, whenever it comes and whatever it claims."""

from typing import Any

import pytest

from campaign.handoffs import Receipt
from campaign.instants import DAY, HOUR, SECOND
from campaign.states import MessageStatus
from store.campaigns.audit import audit
from store.store import Store
from tests.store.builders import GRANTED, NOW, StoreBuilder, outcome
from tests.store.racing import race

KEY = "order:17"
DUE = NOW + 5 * SECOND
KEY_LIFE = 48 * HOUR


def put_off(builder: StoreBuilder, **members: Any) -> str:
    """A campaign whose one message the carrier put off, or so we understood it."""
    campaign = builder.admit(1, **members)
    builder.claimed(campaign)
    builder.write(campaign, outcome(0, MessageStatus.RETRYABLE, code="unavailable", due_at=DUE))
    return campaign


def receipt(
    campaign: str, at: int = DUE, status: MessageStatus = MessageStatus.DELIVERED
) -> Receipt:
    return Receipt(f"{campaign}-0", status, at)


@pytest.mark.parametrize("status", [MessageStatus.DELIVERED, MessageStatus.UNDELIVERED])
def test_a_put_off_message_that_was_taken_after_all_is_paid_once_and_not_sent_again(
    builder: StoreBuilder, status: MessageStatus
) -> None:
    campaign = put_off(builder)
    assert builder.store.receipts.apply([receipt(campaign, status=status)] * 3) == 1
    assert builder.store.receipts.apply([receipt(campaign, status=status)]) == 0
    assert builder.statuses(campaign) == [status.value]
    assert builder.claimed(campaign, now=DUE) == []
    assert builder.store.admissions.waiting_rows(campaign, 9) == []
    assert builder.money() == (GRANTED - 2, 0, 2)
    assert audit(builder.store.database).findings == ()


def test_such_a_message_spends_its_key_though_it_had_lost_it(builder: StoreBuilder) -> None:
    campaign = put_off(builder, keys=[KEY])
    assert builder.value("SELECT count(*) FROM recipient_key") == 0
    builder.store.receipts.apply([receipt(campaign)])
    rival = builder.admit(1, keys=[KEY])
    assert builder.claimed(rival, now=DUE + KEY_LIFE - 1) == []
    assert builder.store.campaigns.messages(rival)[0].duplicate_of == f"{campaign}-0"
    heir = builder.admit(1, keys=[KEY])
    assert builder.claimed(heir, now=DUE + KEY_LIFE) == [0]
    assert audit(builder.store.database).findings == ()


@pytest.mark.parametrize("spent", [False, True])
def test_a_key_that_another_message_took_meanwhile_stays_with_it(
    builder: StoreBuilder, spent: bool
) -> None:
    campaign, rival = put_off(builder, keys=[KEY]), builder.admit(1, keys=[KEY])
    builder.claimed(rival)
    if spent:
        builder.write(rival, outcome(0, at=NOW + SECOND))
    builder.store.receipts.apply([receipt(campaign)])
    assert builder.value("SELECT campaign_id FROM recipient_key") == rival
    expected = NOW + SECOND + KEY_LIFE if spent else None
    assert builder.value("SELECT free_at FROM recipient_key") == expected
    assert audit(builder.store.database).findings == ()


def test_a_receipt_from_before_the_attempt_shortens_no_key(builder: StoreBuilder) -> None:
    campaign = builder.admit(1, keys=[KEY])
    builder.claimed(campaign)
    assert builder.store.receipts.apply([receipt(campaign, at=NOW - 3 * DAY)]) == 1
    assert builder.value("SELECT free_at FROM recipient_key") == NOW + KEY_LIFE
    assert builder.store.campaigns.messages(campaign)[0].sent_at == NOW


def test_a_receipt_and_the_next_try_that_race_leave_one_handoff(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaigns = [put_off(builder, keys=[f"key:{n}"]) for n in range(12)]

    def run(runner: int) -> int:
        if runner:
            return sum(rival_store.receipts.apply([receipt(campaign)]) for campaign in campaigns)
        return sum(len(builder.send(campaign, now=DUE)) for campaign in campaigns)

    race(2, run)
    result = {status for campaign in campaigns for status in builder.statuses(campaign)}
    assert result <= {"sent", "delivered"}
    assert builder.money() == (GRANTED - 24, 0, 24)
    assert builder.value("SELECT count(*) FROM recipient_key WHERE free_at IS NOT NULL") == 12
    assert audit(any_store.database).findings == ()
