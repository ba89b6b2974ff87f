"""A retry: what failed for a passing reason waits again, paid for anew, and all else stays."""

import re
from typing import Any

import pytest

from campaign.credits import CreditKind, MessageKind
from campaign.handoffs import Receipt
from campaign.instants import DAY, HOUR
from campaign.orders import Order
from campaign.ports import Outcome
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.retry import RetrySelection
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.campaigns.retry import Retried
from store.store import Store
from tests.store.builders import GRANTED, NOW, SENDER, StoreBuilder, outcome
from tests.store.racing import race

LATER = NOW + HOUR
FAILURES = CampaignStatus.FINISHED_WITH_FAILURES
SENT, FAILED = MessageStatus.SENT, MessageStatus.FAILED


def ended(builder: StoreBuilder, *codes: str | None, **members: Any) -> str:
    """A campaign that is over; each message failed with its code, or was sent for want of one."""
    campaign = builder.admit(len(codes), **members)
    builder.claimed(campaign)
    outcomes: list[Outcome] = []
    for position, code in enumerate(codes):
        outcomes.append(outcome(position, FAILED if code else SENT, code=code))
    builder.write(campaign, *outcomes)
    builder.store.admissions.settle(campaign, FAILURES, NOW)
    return campaign


def retry(
    builder: StoreBuilder, campaign: str, now: int = LATER, **selection: Any
) -> Retried | Refusal:
    """What a retry did, or the first reason why it did nothing."""
    try:
        return builder.store.retrying.retry(campaign, now, RetrySelection(**selection)).result
    except Refused as refused:
        return refused.refusals[0]


def status(builder: StoreBuilder, campaign: str) -> CampaignStatus:
    view = builder.store.campaigns.get(campaign)
    assert view is not None
    return view.status


def in_balance(builder: StoreBuilder) -> bool:
    return audit(builder.store.database).findings == ()


def test_what_failed_for_a_passing_reason_is_queued_paid_for_and_sent(
    builder: StoreBuilder,
) -> None:
    campaign = ended(builder, None, "unavailable", "invalid_number", "carrier_configuration")
    assert builder.money() == (GRANTED - 2, 0, 2)
    assert retry(builder, campaign) is Retried.AGAIN
    assert builder.statuses(campaign) == ["sent", "queued", "failed", "queued"]
    assert builder.money() == (GRANTED - 6, 4, 2)
    view = builder.store.campaigns.get(campaign)
    assert view is not None
    assert (view.status, view.finished_at) == (CampaignStatus.RUNNING, None)
    again = builder.store.campaigns.messages(campaign)[1]
    assert (again.reason, again.error, again.final_at, again.due_at) == (None, None, None, LATER)
    assert in_balance(builder)
    assert builder.send(campaign, LATER) == [1, 3]
    stands, _ = builder.store.admissions.settle(campaign, FAILURES, LATER)
    assert stands is FAILURES
    assert builder.money() == (GRANTED - 6, 0, 6)
    assert in_balance(builder)


def test_texts_with_media_are_paid_for_in_both_kinds(builder: StoreBuilder) -> None:
    campaign = ended(builder, "rate_limited", None, kind=MessageKind.MMS)
    assert retry(builder, campaign) is Retried.AGAIN
    assert builder.money() == (GRANTED - 2, 1, 1)
    assert builder.money(CreditKind.MMS) == (GRANTED - 2, 1, 1)
    assert in_balance(builder)


@pytest.mark.parametrize(
    "code", ["invalid_number", "blocked", "opted_out", "filtered", "http_400", "never_heard_of"]
)
def test_a_no_for_good_is_nothing_to_retry(builder: StoreBuilder, code: str) -> None:
    campaign = ended(builder, None, code)
    assert retry(builder, campaign) is Retried.NOTHING
    assert builder.statuses(campaign) == ["sent", "failed"]
    assert status(builder, campaign) is FAILURES
    assert builder.money() == (GRANTED - 2, 0, 2)


def test_neither_a_fault_at_admission_nor_an_operators_word_is_retried(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(2)
    (first,) = builder.claimed(campaign, claim=1)
    builder.write(campaign, outcome(first, MessageStatus.UNKNOWN, code="timeout"))
    builder.store.resolving.resolve(campaign, f"{campaign}-0", False, NOW)
    builder.execute("UPDATE message SET status = 'failed', reason = 'timeout' WHERE position = 1")
    builder.store.admissions.settle(campaign, FAILURES, NOW)
    assert retry(builder, campaign) is Retried.NOTHING


def test_a_finished_campaign_has_nothing_and_another_end_or_none_is_told(
    builder: StoreBuilder,
) -> None:
    finished, running = builder.admit(1), builder.admit(1)
    builder.send(finished)
    builder.store.admissions.settle(finished, CampaignStatus.FINISHED, NOW)
    assert retry(builder, finished) is Retried.NOTHING
    assert retry(builder, running) is Retried.RUNS
    assert retry(builder, builder.save(1)) is Retried.RUNS
    for end in ("refused", "cancelled", "expired"):
        builder.execute("UPDATE campaign SET status = :end WHERE id = :id", end=end, id=finished)
        assert retry(builder, finished) is Retried.ENDED


def test_who_asks_twice_finds_it_under_way_and_nothing_is_doubled(builder: StoreBuilder) -> None:
    campaign = ended(builder, "unavailable", "unavailable")
    assert retry(builder, campaign) is Retried.AGAIN
    for _ in range(3):
        assert retry(builder, campaign) is Retried.UNDER_WAY
    assert builder.money() == (GRANTED - 4, 4, 0)
    assert [one.id for one in builder.store.open_campaigns.page("", 10)] == [campaign]
    assert builder.store.orders.standing(campaign).ordered is Order.RETRY
    assert in_balance(builder)


def test_of_ten_retries_at_once_one_pays_and_the_others_find_it_under_way(
    builder: StoreBuilder, rival_store: Store
) -> None:
    campaign = ended(builder, None, "unavailable", "unavailable")
    stores = (builder.store, rival_store)
    result = race(10, lambda runner: stores[runner % 2].retrying.retry(campaign, LATER).result)
    assert sorted(map(str, result)) == ["again"] + ["under_way"] * 9
    assert builder.money() == (GRANTED - 6, 4, 2)
    assert in_balance(builder)


def test_without_enough_credits_nothing_at_all_is_changed(builder: StoreBuilder) -> None:
    campaign = ended(builder, "unavailable", "unavailable", key="batch:1")
    builder.execute("UPDATE credit SET available = 3, granted = 3 WHERE kind = 'sms'")
    before = builder.store.campaigns.messages(campaign)
    result = retry(builder, campaign)
    assert isinstance(result, Refusal) and result.code is RefusalCode.CREDITS_INSUFFICIENT
    assert builder.store.campaigns.messages(campaign) == before
    assert status(builder, campaign) is FAILURES
    assert builder.money() == (3, 0, 0)
    assert builder.value("SELECT count(*) FROM campaign_key") == 0


def test_a_campaign_may_be_retried_again_and_again(builder: StoreBuilder) -> None:
    campaign = ended(builder, "unavailable", None)
    for day in range(1, 4):
        now = NOW + day * DAY
        assert retry(builder, campaign, now) is Retried.AGAIN
        (handoff,) = builder.flush_and_claim(campaign, now=now).claimed
        assert (handoff.attempt, handoff.round) == (day + 1, 1)
        builder.write(campaign, outcome(0, FAILED, handoff.attempt, now, code="unavailable"))
        builder.store.admissions.settle(campaign, FAILURES, now)
        assert in_balance(builder)
    assert builder.money() == (GRANTED - 2, 0, 2)


def test_each_retry_has_its_whole_number_of_tries(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    for attempt in (1, 2, 3):
        (handoff,) = builder.flush_and_claim(campaign).claimed
        assert (handoff.attempt, handoff.round) == (attempt, attempt)
        end = FAILED if attempt == 3 else MessageStatus.RETRYABLE
        builder.write(campaign, outcome(0, end, attempt, code="unavailable", due_at=NOW))
    builder.store.admissions.settle(campaign, FAILURES, NOW)
    assert retry(builder, campaign) is Retried.AGAIN
    for attempt in (4, 5):
        (handoff,) = builder.flush_and_claim(campaign, now=LATER).claimed
        assert (handoff.attempt, handoff.round) == (attempt, attempt - 3)
        put_off = outcome(0, MessageStatus.RETRYABLE, attempt, code="unavailable", due_at=NOW)
        builder.write(campaign, put_off)


def test_a_failed_send_left_its_key_free_and_the_retry_spends_it(builder: StoreBuilder) -> None:
    campaign = ended(builder, "unavailable", "unavailable", keys=["key:0", "key:1"])
    assert builder.value("SELECT count(*) FROM recipient_key") == 0
    # The key of the second has gone to somebody else since.
    other = builder.admit(1, keys=["key:1"])
    builder.send(other)
    assert retry(builder, campaign) is Retried.AGAIN
    assert builder.send(campaign, LATER) == [0]
    assert builder.statuses(campaign) == ["sent", "skipped"]
    spent = builder.value("SELECT message_id FROM recipient_key WHERE key = 'key:0'")
    assert spent == f"{campaign}-0"
    builder.store.admissions.settle(campaign, FAILURES, LATER)
    assert builder.money() == (GRANTED - 4, 0, 4)
    assert in_balance(builder)


def test_who_opted_out_since_is_skipped_by_the_claim(builder: StoreBuilder) -> None:
    campaign = ended(builder, "unavailable", None)
    number = builder.store.campaigns.messages(campaign)[0].to
    builder.store.opt_outs.add(builder.account_id, number, "inbound", LATER)
    assert retry(builder, campaign) is Retried.AGAIN
    assert builder.send(campaign, LATER) == []
    assert builder.statuses(campaign) == ["skipped", "sent"]


def test_the_campaigns_key_is_held_while_it_runs_again(builder: StoreBuilder) -> None:
    campaign = ended(builder, "unavailable", key="batch:1")
    assert retry(builder, campaign) is Retried.AGAIN
    saved = builder.store.campaigns.save(builder.composed(1, key="batch:1", prefix="x"), "cmp_x")
    assert (saved.campaign_id, saved.created) == (campaign, False)
    builder.send(campaign, LATER)
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, LATER)
    assert in_balance(builder)


def test_a_campaign_whose_key_has_brought_another_since_is_not_retried(
    builder: StoreBuilder,
) -> None:
    campaign = ended(builder, "unavailable", key="batch:1")
    builder.admit(1, key="batch:1")
    result = retry(builder, campaign)
    assert isinstance(result, Refusal) and result.code is RefusalCode.KEY_REUSED
    assert status(builder, campaign) is FAILURES
    assert in_balance(builder)


def test_a_settlement_that_comes_late_does_not_end_a_retried_campaign(
    builder: StoreBuilder,
) -> None:
    campaign = ended(builder, "unavailable", None)
    assert retry(builder, campaign) is Retried.AGAIN
    stands, tally = builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, LATER)
    assert (stands, tally.queued) == (CampaignStatus.RUNNING, 1)
    assert builder.money() == (GRANTED - 4, 2, 2)
    builder.claimed(campaign, now=LATER)
    assert builder.store.admissions.settle(campaign, FAILURES, LATER)[0] is CampaignStatus.RUNNING
    assert in_balance(builder)


def test_a_late_receipt_for_what_waits_again_is_believed_and_nothing_more_is_sent(
    builder: StoreBuilder,
) -> None:
    campaign = ended(builder, "timeout", None)
    assert retry(builder, campaign) is Retried.AGAIN
    receipt = Receipt(f"{campaign}-0", MessageStatus.DELIVERED, LATER)
    assert builder.store.receipts.apply([receipt]) == 1
    assert builder.claimed(campaign, now=LATER) == []
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, LATER)
    assert builder.money() == (GRANTED - 4, 0, 4)
    assert in_balance(builder)


def test_the_second_end_and_a_second_failure_are_told_again(builder: StoreBuilder) -> None:
    events = ("campaign.*", "message.failed")
    builder.store.endpoints.add(builder.account_id, "https://a.example/", events, "native", NOW)
    campaign = ended(builder, "unavailable")
    retry(builder, campaign)
    (handoff,) = builder.flush_and_claim(campaign, now=LATER).claimed
    builder.write(campaign, outcome(0, FAILED, handoff.attempt, LATER, code="unavailable"))
    builder.store.admissions.settle(campaign, FAILURES, LATER)
    for event in ("campaign.finished_with_failures", "message.failed"):
        assert builder.value("SELECT count(*) FROM callback WHERE event = :event", event=event) == 2


def test_the_quota_is_not_charged_again(builder: StoreBuilder) -> None:
    campaign = ended(builder, "unavailable", None)
    used = builder.value("SELECT sum(used) FROM quota_day")
    retry(builder, campaign)
    assert builder.value("SELECT sum(used) FROM quota_day") == used == 2


def test_hold_entries_are_named_so_that_none_is_booked_twice(builder: StoreBuilder) -> None:
    campaign = ended(builder, "unavailable")
    retry(builder, campaign)
    found = builder.value("SELECT max(id) FROM ledger_entry WHERE movement = 'hold'")
    assert re.fullmatch(rf"hold:{campaign}:sms:1", str(found))


def test_g2_nothing_is_retried_from_a_sender_that_was_removed(builder: StoreBuilder) -> None:
    campaign = ended(builder, None, "unavailable")
    assert builder.store.senders.remove(builder.account_id, SENDER)
    assert retry(builder, campaign) is Retried.NOTHING
    assert builder.statuses(campaign) == ["sent", "failed"] and in_balance(builder)
    builder.store.accounts.add_sender(builder.account_id, SENDER, NOW)
    assert retry(builder, campaign) is Retried.AGAIN
