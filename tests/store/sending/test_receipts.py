"""Receipts move messages forward only, however often, early or late they come."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, event

from campaign.handoffs import Receipt
from campaign.instants import DAY, SECOND
from campaign.states import HANDED_OFF, CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.store import Store
from tests.store.builders import GRANTED, NOW, StoreBuilder, outcome
from tests.store.racing import race

LATER = NOW + 3 * SECOND


def delivered(campaign: str, position: int = 0, at: int = LATER) -> Receipt:
    return Receipt(f"{campaign}-{position}", MessageStatus.DELIVERED, at)


def undelivered(campaign: str, position: int = 0) -> Receipt:
    return Receipt(f"{campaign}-{position}", MessageStatus.UNDELIVERED, LATER, code="no_such_one")


def test_a_receipt_says_what_became_of_a_sent_message(builder: StoreBuilder) -> None:
    campaign = builder.admit(3)
    builder.send(campaign)
    assert builder.store.receipts.apply([delivered(campaign, 0), undelivered(campaign, 1)]) == 2
    assert builder.statuses(campaign) == ["delivered", "undelivered", "sent"]
    first, second, _ = builder.store.campaigns.messages(campaign)
    assert (first.sent_at, first.final_at, first.error) == (NOW, LATER, None)
    assert (second.final_at, second.error) == (LATER, "no_such_one")
    assert builder.money() == (GRANTED - 6, 0, 6)


def test_a_repeated_or_contrary_receipt_changes_nothing(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    builder.send(campaign)
    receipt = delivered(campaign)
    assert builder.store.receipts.apply([receipt, receipt]) == 1
    assert builder.store.receipts.apply([receipt]) == 0
    assert builder.store.receipts.apply([undelivered(campaign)]) == 0
    assert builder.store.receipts.apply([delivered(campaign, at=NOW + 3 * DAY)]) == 0
    (message,) = builder.store.campaigns.messages(campaign)
    assert (message.status, message.final_at, message.error) == ("delivered", LATER, None)


def test_a_receipt_for_an_unknown_reference_changes_nothing(builder: StoreBuilder) -> None:
    assert builder.store.receipts.apply([delivered("nobody")]) == 0
    assert builder.store.receipts.apply([]) == 0


def test_a_reference_that_no_text_column_can_hold_matches_nothing(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    builder.send(campaign)
    odd = [
        Receipt(reference, MessageStatus.DELIVERED, LATER, code=reference)
        for reference in ("\x00", "\ud800", "a\x00b", "\\u0000", "'; --")
    ]
    assert builder.store.receipts.apply([*odd, delivered(campaign)]) == 1


@pytest.mark.parametrize("waiting", ["queued", "retryable", "failed", "skipped", "cancelled"])
def test_a_receipt_for_a_message_that_did_not_leave_changes_nothing(
    builder: StoreBuilder, waiting: str
) -> None:
    campaign = builder.admit(1)
    builder.execute("UPDATE message SET status = :status", status=waiting)
    assert builder.store.receipts.apply([delivered(campaign)]) == 0
    assert builder.statuses(campaign) == [waiting]
    assert builder.money() == (GRANTED - 2, 2, 0)


def test_a_receipt_that_comes_before_the_answer_pays_once(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    builder.claimed(campaign)
    assert builder.store.receipts.apply([delivered(campaign)]) == 1
    builder.write(campaign, outcome(0))
    assert builder.statuses(campaign) == ["delivered"]
    assert builder.money() == (GRANTED - 2, 0, 2)
    assert audit(builder.store.database).findings == ()


def test_a_receipt_resolves_an_unknown_message_and_pays_for_it(builder: StoreBuilder) -> None:
    campaign = builder.admit(2)
    builder.claimed(campaign)
    builder.write(campaign, *[outcome(n, MessageStatus.UNKNOWN, code="timeout") for n in range(2)])
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
    assert builder.store.receipts.apply([delivered(campaign, 0), undelivered(campaign, 1)]) == 2
    assert builder.statuses(campaign) == ["delivered", "undelivered"]
    assert builder.money() == (GRANTED - 4, 0, 4)
    assert audit(builder.store.database).findings == ()


def test_receipts_for_sent_messages_take_one_statement(builder: StoreBuilder) -> None:
    campaign = builder.admit(50)
    builder.send(campaign)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement.split()[0])

    event.listen(builder.store.database.engine, "after_cursor_execute", note)
    receipts = [delivered(campaign, position) for position in range(50)]
    assert builder.store.receipts.apply(receipts) == 50
    assert [verb for verb in asked if verb != "BEGIN"] == ["UPDATE"]


def test_the_messages_of_receipts_are_found_by_their_ids_among_a_few_thousand(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(8_000)
    claimed = builder.flush_and_claim(campaign, claim=100).claimed
    builder.write(campaign, *[outcome(one.position, attempt=one.attempt) for one in claimed])
    database = builder.store.database
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    plan: list[str] = []

    def note(
        connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object
    ) -> None:
        if statement.lstrip().startswith("UPDATE message"):
            rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
            plan.extend(str(row[-1]) for row in rows)

    event.listen(database.engine, "before_cursor_execute", note)
    assert builder.store.receipts.apply([delivered(campaign)]) == 1
    assert any("message_by_id" in step for step in plan), plan


def test_of_both_receipts_at_once_one_counts(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    builder.send(campaign)
    assert builder.store.receipts.apply([delivered(campaign), undelivered(campaign)]) == 1
    assert builder.statuses(campaign)[0] in ("delivered", "undelivered")


def test_every_order_of_send_and_receipts_ends_the_same(builder: StoreBuilder) -> None:
    def answer(campaign: str) -> None:
        builder.write(campaign, outcome(0))

    def receive(campaign: str) -> None:
        builder.store.receipts.apply([delivered(campaign)])

    for number, order in enumerate(itertools.permutations([answer, receive, receive])):
        campaign = builder.admit(1)
        builder.claimed(campaign)
        for act in order:
            act(campaign)
        assert builder.statuses(campaign) == ["delivered"]
        assert builder.money()[2] == 2 * (number + 1)


def test_batches_that_race_in_opposite_order_count_each_message_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaign = builder.admit(100)
    builder.send(campaign)
    stores = (any_store, rival_store)
    receipts = [delivered(campaign, position) for position in range(100)]

    def apply(runner: int) -> int:
        batch = receipts if runner % 2 else receipts[::-1]
        return stores[runner % 2].receipts.apply(batch)

    assert sum(race(6, apply)) == 100
    assert builder.statuses(campaign) == ["delivered"] * 100


def test_receipts_that_race_the_answers_lose_nothing(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaign = builder.admit(60)
    builder.claimed(campaign)

    def run(runner: int) -> None:
        for start in range(0, 60, 4):
            positions = range(start, start + 4)
            if runner:
                rival_store.receipts.apply([delivered(campaign, n) for n in positions])
            else:
                builder.write(campaign, *[outcome(n) for n in positions])

    race(2, run)
    assert set(builder.statuses(campaign)) == {"delivered"}
    assert set(builder.statuses(campaign)) <= set(HANDED_OFF)
    assert builder.money() == (GRANTED - 120, 0, 120)
    assert audit(any_store.database).findings == ()


def test_a_receipt_moves_only_a_message_that_its_carrier_took(builder: StoreBuilder) -> None:
    campaign = builder.admit(3)
    builder.send(campaign)
    builder.execute("UPDATE attempt SET carrier = 'first' WHERE position < 2")
    builder.execute("UPDATE attempt SET carrier = NULL WHERE position = 2")
    apply = builder.store.receipts.apply
    assert apply([replace(delivered(campaign, 0), carrier="second")]) == 0
    assert apply([replace(undelivered(campaign, 1), carrier="second")]) == 0
    # Older versions wrote no carrier.
    assert apply([replace(delivered(campaign, 2), carrier="second")]) == 1
    assert apply([replace(delivered(campaign, 0), carrier="first")]) == 1
    assert builder.statuses(campaign) == ["delivered", "sent", "delivered"]


@pytest.mark.parametrize("status", ["sending", "unknown", "retryable"])
def test_an_earlier_carrier_may_report_a_delivery_but_no_failure(
    builder: StoreBuilder, status: str
) -> None:
    campaign = builder.admit(1)
    builder.claimed(campaign)
    builder.execute("UPDATE attempt SET carrier = 'first'")
    builder.execute(
        "INSERT INTO attempt (campaign_id, position, number, started_at, carrier)"
        " SELECT campaign_id, position, 2, started_at, 'second' FROM attempt"
    )
    builder.execute("UPDATE message SET status = :status, attempts = 2", status=status)
    apply = builder.store.receipts.apply
    assert apply([replace(undelivered(campaign), carrier="first")]) == 0
    assert apply([replace(delivered(campaign), carrier="third")]) == 0
    assert apply([replace(delivered(campaign), carrier="first")]) == 1
    assert builder.statuses(campaign) == ["delivered"]
