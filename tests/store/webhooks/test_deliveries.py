"""Deliveries are claimed under a lease, marked once, given up in the end, and swept away."""

from collections.abc import Sequence

import pytest

from campaign.deliveries import ClaimedDelivery, DeliveryStatus, DeliveryUpdate
from campaign.events import Destination
from campaign.handoffs import Receipt
from campaign.instants import DAY, MINUTE, SECOND, Instant
from campaign.states import MessageStatus
from store.store import Store
from tests.store.builders import NOW, StoreBuilder
from tests.store.racing import race

LEASE = 35 * SECOND


@pytest.fixture
def webhook(builder: StoreBuilder) -> str:
    """A webhook with three callbacks that are due."""
    view, _ = builder.store.endpoints.add(
        builder.account_id, "https://hooks.example/", ["*"], "native", NOW
    )
    builder.send(builder.admit(3))
    return view.id


def outcome(
    store: Store,
    webhook: str,
    marks: Sequence[DeliveryUpdate] = (),
    count: int = 10,
    now: Instant = NOW,
    token: str = "t",
) -> Sequence[ClaimedDelivery]:
    """One transaction of a courier."""
    return store.deliveries.flush_and_claim(webhook, token, marks, count, now, now + LEASE)


def mark(
    call: ClaimedDelivery,
    status: DeliveryStatus | None,
    due_at: Instant | None = None,
    gone: bool = False,
) -> DeliveryUpdate:
    return DeliveryUpdate(call.callback_id, status, "200", NOW, due_at, gone)


def states(builder: StoreBuilder) -> dict[str, int]:
    with builder.store.database.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT status, count(*) FROM callback GROUP BY status")
        return {row[0]: row[1] for row in found}


def test_what_is_due_is_claimed_in_order_and_counted_as_a_try(
    builder: StoreBuilder, webhook: str
) -> None:
    builder.execute(
        "UPDATE callback SET due_at = due_at + 1 WHERE id = (SELECT min(id) FROM callback)"
    )
    builder.execute(
        "UPDATE callback SET due_at = due_at + 9 WHERE id = (SELECT max(id) FROM callback)"
    )
    claimed = outcome(builder.store, webhook, count=5, now=NOW + 5)
    assert [call.tries for call in claimed] == [1, 1]
    assert builder.store.deliveries.next_due(webhook) == NOW + 9
    assert outcome(builder.store, webhook, count=5, now=NOW + 8) == []


def test_marks_end_callbacks_or_put_them_back(builder: StoreBuilder, webhook: str) -> None:
    first, second, third = outcome(builder.store, webhook)
    later = NOW + MINUTE
    marks = [
        mark(first, DeliveryStatus.DELIVERED),
        mark(second, DeliveryStatus.WAITING, due_at=later),
        mark(third, None),
    ]
    assert outcome(builder.store, webhook, marks) == []
    assert states(builder) == {"delivered": 1, "waiting": 1}
    assert builder.store.deliveries.next_due(webhook) == later
    assert outcome(builder.store, webhook, now=later) == [ClaimedDelivery(second.callback_id, 2)]


def test_a_mark_counts_once_and_only_for_whoever_holds_the_claim(
    builder: StoreBuilder, webhook: str
) -> None:
    first, second, _ = outcome(builder.store, webhook)
    late = [mark(first, DeliveryStatus.DELIVERED), mark(second, None)]
    outcome(builder.store, webhook, late, count=0, token="another")
    assert states(builder) == {"waiting": 3}
    outcome(builder.store, webhook, late, count=0)
    outcome(builder.store, webhook, [mark(first, DeliveryStatus.DEAD)], count=0)
    assert states(builder) == {"delivered": 1, "waiting": 1}


def test_a_claim_whose_holder_died_is_over_with_its_lease(
    builder: StoreBuilder, webhook: str
) -> None:
    dead = outcome(builder.store, webhook)
    assert outcome(builder.store, webhook, token="next", now=NOW + LEASE - 1) == []
    assert builder.store.deliveries.next_due(webhook) == NOW + LEASE
    again = outcome(builder.store, webhook, token="next", now=NOW + LEASE)
    assert [(call.callback_id, call.tries) for call in again] == [
        (call.callback_id, 2) for call in dead
    ]
    # The dead one comes back to life and is not listened to.
    outcome(builder.store, webhook, [mark(dead[0], DeliveryStatus.DEAD)], count=0)
    assert states(builder) == {"waiting": 3}


def test_a_receiver_that_wants_no_more_ends_the_webhook_and_all_that_waits(
    builder: StoreBuilder, webhook: str
) -> None:
    (first,) = outcome(builder.store, webhook, count=1)
    gone = mark(first, DeliveryStatus.DEAD, gone=True)
    assert outcome(builder.store, webhook, [gone]) == []
    assert states(builder) == {"dead": 3}
    view = builder.store.endpoints.get(builder.account_id, webhook)
    assert view is not None and view.disabled_at == NOW
    outcome(builder.store, webhook, [gone], now=NOW + SECOND)
    assert builder.store.endpoints.get(builder.account_id, webhook) == view
    builder.send(builder.admit(2))
    assert states(builder) == {"dead": 3}


def test_what_waits_for_a_webhook_that_is_gone_is_buried(
    builder: StoreBuilder, webhook: str
) -> None:
    builder.execute("DELETE FROM webhook")
    assert outcome(builder.store, webhook) == []
    assert states(builder) == {"dead": 3}
    assert builder.store.deliveries.next_due(webhook) is None


def test_old_callbacks_are_given_up_behind_a_destination_that_never_answers(
    builder: StoreBuilder, webhook: str
) -> None:
    outcome(builder.store, webhook, count=1)
    assert builder.store.deliveries.give_up(webhook, NOW, NOW + DAY) == 0
    assert builder.store.deliveries.give_up(webhook, NOW + 1, NOW) == 2
    assert builder.store.deliveries.give_up(webhook, NOW + 1, NOW + DAY) == 1
    assert states(builder) == {"dead": 3}


def test_couriers_raced_from_two_processes_never_claim_the_same(
    builder: StoreBuilder, webhook: str, rival_store: Store
) -> None:
    builder.send(builder.admit(60))
    stores = (builder.store, rival_store)
    won: list[list[str]] = [[] for _ in range(6)]

    def claim(runner: int) -> None:
        while claimed := outcome(stores[runner % 2], webhook, count=4, token=f"t{runner}"):
            won[runner] += [call.callback_id for call in claimed]

    race(6, claim)
    everything = [one for some in won for one in some]
    assert len(everything) == len(set(everything))
    everything += [call.callback_id for call in outcome(builder.store, webhook, count=100)]
    assert len(set(everything)) == 63


def test_the_sweep_finds_destinations_that_nobody_serves(
    builder: StoreBuilder, webhook: str
) -> None:
    callbacks = builder.store.deliveries
    assert callbacks.overdue(NOW - 1, "", 10) == []
    assert callbacks.overdue(NOW, "", 10) == [Destination(webhook, builder.account_id)]
    assert callbacks.overdue(NOW, webhook, 10) == []
    outcome(builder.store, webhook)
    assert callbacks.overdue(NOW + LEASE - 1, "", 10) == []
    assert callbacks.overdue(NOW + LEASE, "", 10) == [Destination(webhook, builder.account_id)]


def test_only_callbacks_that_ended_long_ago_are_forgotten(
    builder: StoreBuilder, webhook: str
) -> None:
    first, second, _ = outcome(builder.store, webhook)
    ends = [mark(first, DeliveryStatus.DELIVERED), mark(second, DeliveryStatus.DEAD)]
    outcome(builder.store, webhook, ends, count=0)
    assert builder.store.deliveries.forget(NOW, 10) == 0
    assert builder.store.deliveries.forget(NOW + 1, 1) == 1
    assert builder.store.deliveries.forget(NOW + 1, 10) == 1
    assert states(builder) == {"waiting": 1}


# --------------------------------------------------------------------------- order


@pytest.fixture
def hook(builder: StoreBuilder) -> str:
    """A webhook that hears everything; no event yet."""
    view, _ = builder.store.endpoints.add(
        builder.account_id, "https://hooks.example/", ["*"], "native", NOW
    )
    return view.id


def tell_sent_and_delivered(builder: StoreBuilder) -> str:
    """Events of a message that was sent and delivered; the message's id."""
    campaign = builder.admit(1)
    builder.send(campaign)
    receipt = Receipt(f"{campaign}-0", MessageStatus.DELIVERED, NOW - MINUTE)
    assert builder.store.receipts.apply([receipt], NOW) == 1
    return receipt.reference


def event_of(builder: StoreBuilder, call: ClaimedDelivery) -> str:
    return str(builder.value("SELECT event FROM callback WHERE id = :id", id=call.callback_id))


def test_events_of_one_message_are_delivered_one_after_another(
    builder: StoreBuilder, hook: str
) -> None:
    tell_sent_and_delivered(builder)
    (first,) = outcome(builder.store, hook)
    assert event_of(builder, first) == "message.sent"
    # While the first is under way, nothing more of this message may go, and nothing is due.
    assert outcome(builder.store, hook, now=NOW + SECOND) == []
    assert builder.store.deliveries.next_due(hook) == NOW + LEASE
    (second,) = outcome(builder.store, hook, [mark(first, DeliveryStatus.DELIVERED)])
    assert event_of(builder, second) == "message.delivered"
    outcome(builder.store, hook, [mark(second, DeliveryStatus.DELIVERED)])
    assert states(builder) == {"delivered": 2}


def test_a_later_event_waits_for_no_retry_and_leaves_out_what_it_overtakes(
    builder: StoreBuilder, hook: str
) -> None:
    tell_sent_and_delivered(builder)
    (first,) = outcome(builder.store, hook)
    put_back = mark(first, DeliveryStatus.WAITING, due_at=NOW + MINUTE)
    (second,) = outcome(builder.store, hook, [put_back])
    assert event_of(builder, second) == "message.delivered"
    # The retry is due while the later one is under way: it may not go beside it.
    assert outcome(builder.store, hook, now=NOW + LEASE - 1) == []
    outcome(builder.store, hook, [mark(second, DeliveryStatus.DELIVERED)])
    assert states(builder) == {"delivered": 1, "dead": 1}
    code = builder.value("SELECT last_code FROM callback WHERE status = 'dead'")
    assert (code, builder.store.deliveries.next_due(hook)) == ("overtaken", None)


def test_a_later_event_that_fails_leaves_the_earlier_one_in_place(
    builder: StoreBuilder, hook: str
) -> None:
    tell_sent_and_delivered(builder)
    (first,) = outcome(builder.store, hook)
    (second,) = outcome(
        builder.store, hook, [mark(first, DeliveryStatus.WAITING, due_at=NOW + MINUTE)]
    )
    again = mark(second, DeliveryStatus.WAITING, due_at=NOW + 5 * MINUTE)
    assert outcome(builder.store, hook, [again]) == []
    (retried,) = outcome(builder.store, hook, now=NOW + MINUTE)
    assert event_of(builder, retried) == "message.sent"


def test_messages_and_destinations_do_not_wait_for_each_other(
    builder: StoreBuilder, hook: str
) -> None:
    other, _ = builder.store.endpoints.add(
        builder.account_id, "https://other.example/", ["*"], "native", NOW
    )
    for _ in range(2):
        tell_sent_and_delivered(builder)
    assert len(outcome(builder.store, hook)) == 2
    assert len(outcome(builder.store, other.id)) == 2


def test_a_message_that_failed_and_was_retried_is_told_in_that_order(
    builder: StoreBuilder, hook: str
) -> None:
    message = tell_sent_and_delivered(builder)
    builder.execute(
        "UPDATE callback SET event = 'message.failed', created_at = created_at + 5, at = at + 5"
        " WHERE event = 'message.delivered' AND message_id = :id",
        id=message,
    )
    (first,) = outcome(builder.store, hook)
    assert event_of(builder, first) == "message.failed"


def test_a_long_queue_is_claimed_from_without_reading_it_for_each_event(
    builder: StoreBuilder,
) -> None:
    if not builder.store.database.is_sqlite:
        pytest.skip("PostgreSQL chooses its plan by statistics")
    plan = builder.store.database.read(
        lambda connection: connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT c.id FROM callback c WHERE NOT EXISTS ("
            "SELECT 1 FROM callback e WHERE e.status = 'waiting'"
            " AND e.message_id = c.message_id AND e.destination = c.destination)"
        ).all()
    )
    assert "callback_by_message" in str(plan)
