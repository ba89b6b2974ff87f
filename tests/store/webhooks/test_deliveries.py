"""Deliveries are claimed under a lease, marked once, given up in the end, and swept away."""

from collections.abc import Sequence

import pytest

from campaign.deliveries import ClaimedDelivery, DeliveryStatus, DeliveryUpdate
from campaign.instants import DAY, MINUTE, SECOND, Instant
from store.shared.outbox import Destination
from store.store import Store
from tests.store.builders import NOW, Books
from tests.store.racing import race

LEASE = 35 * SECOND


@pytest.fixture
def webhook(books: Books) -> str:
    """A webhook with three callbacks that are due."""
    view, _ = books.store.endpoints.add(
        books.account_id, "https://hooks.example/", ["*"], "native", NOW
    )
    books.send(books.admit(3))
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


def states(books: Books) -> dict[str, int]:
    with books.store.database.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT status, count(*) FROM callback GROUP BY status")
        return {row[0]: row[1] for row in found}


def test_what_is_due_is_claimed_in_order_and_counted_as_a_try(books: Books, webhook: str) -> None:
    books.execute(
        "UPDATE callback SET due_at = due_at + 1 WHERE id = (SELECT min(id) FROM callback)"
    )
    books.execute(
        "UPDATE callback SET due_at = due_at + 9 WHERE id = (SELECT max(id) FROM callback)"
    )
    claimed = outcome(books.store, webhook, count=5, now=NOW + 5)
    assert [call.tries for call in claimed] == [1, 1]
    assert books.store.deliveries.next_due(webhook) == NOW + 9
    assert outcome(books.store, webhook, count=5, now=NOW + 8) == []


def test_marks_end_callbacks_or_put_them_back(books: Books, webhook: str) -> None:
    first, second, third = outcome(books.store, webhook)
    later = NOW + MINUTE
    marks = [
        mark(first, DeliveryStatus.DELIVERED),
        mark(second, DeliveryStatus.WAITING, due_at=later),
        mark(third, None),
    ]
    assert outcome(books.store, webhook, marks) == []
    assert states(books) == {"delivered": 1, "waiting": 1}
    assert books.store.deliveries.next_due(webhook) == later
    assert outcome(books.store, webhook, now=later) == [ClaimedDelivery(second.callback_id, 2)]


def test_a_mark_counts_once_and_only_for_whoever_holds_the_claim(
    books: Books, webhook: str
) -> None:
    first, second, _ = outcome(books.store, webhook)
    late = [mark(first, DeliveryStatus.DELIVERED), mark(second, None)]
    outcome(books.store, webhook, late, count=0, token="another")
    assert states(books) == {"waiting": 3}
    outcome(books.store, webhook, late, count=0)
    outcome(books.store, webhook, [mark(first, DeliveryStatus.DEAD)], count=0)
    assert states(books) == {"delivered": 1, "waiting": 1}


def test_a_claim_whose_holder_died_is_over_with_its_lease(books: Books, webhook: str) -> None:
    dead = outcome(books.store, webhook)
    assert outcome(books.store, webhook, token="next", now=NOW + LEASE - 1) == []
    assert books.store.deliveries.next_due(webhook) == NOW + LEASE
    again = outcome(books.store, webhook, token="next", now=NOW + LEASE)
    assert [(call.callback_id, call.tries) for call in again] == [
        (call.callback_id, 2) for call in dead
    ]
    # The dead one comes back to life and is not listened to.
    outcome(books.store, webhook, [mark(dead[0], DeliveryStatus.DEAD)], count=0)
    assert states(books) == {"waiting": 3}


def test_a_receiver_that_wants_no_more_ends_the_webhook_and_all_that_waits(
    books: Books, webhook: str
) -> None:
    (first,) = outcome(books.store, webhook, count=1)
    gone = mark(first, DeliveryStatus.DEAD, gone=True)
    assert outcome(books.store, webhook, [gone]) == []
    assert states(books) == {"dead": 3}
    view = books.store.endpoints.get(books.account_id, webhook)
    assert view is not None and view.disabled_at == NOW
    outcome(books.store, webhook, [gone], now=NOW + SECOND)
    assert books.store.endpoints.get(books.account_id, webhook) == view
    books.send(books.admit(2))
    assert states(books) == {"dead": 3}


def test_what_waits_for_a_webhook_that_is_gone_is_buried(books: Books, webhook: str) -> None:
    books.execute("DELETE FROM webhook")
    assert outcome(books.store, webhook) == []
    assert states(books) == {"dead": 3}
    assert books.store.deliveries.next_due(webhook) is None


def test_old_callbacks_are_given_up_behind_a_destination_that_never_answers(
    books: Books, webhook: str
) -> None:
    outcome(books.store, webhook, count=1)
    assert books.store.deliveries.give_up(webhook, NOW, NOW + DAY) == 0
    assert books.store.deliveries.give_up(webhook, NOW + 1, NOW) == 2
    assert books.store.deliveries.give_up(webhook, NOW + 1, NOW + DAY) == 1
    assert states(books) == {"dead": 3}


def test_couriers_raced_from_two_processes_never_claim_the_same(
    books: Books, webhook: str, rival_store: Store
) -> None:
    books.send(books.admit(60))
    stores = (books.store, rival_store)
    won: list[list[str]] = [[] for _ in range(6)]

    def claim(runner: int) -> None:
        while claimed := outcome(stores[runner % 2], webhook, count=4, token=f"t{runner}"):
            won[runner] += [call.callback_id for call in claimed]

    race(6, claim)
    everything = [one for some in won for one in some]
    assert len(everything) == len(set(everything))
    everything += [call.callback_id for call in outcome(books.store, webhook, count=100)]
    assert len(set(everything)) == 63


def test_the_sweep_finds_destinations_that_nobody_serves(books: Books, webhook: str) -> None:
    callbacks = books.store.deliveries
    assert callbacks.overdue(NOW - 1, "", 10) == []
    assert callbacks.overdue(NOW, "", 10) == [Destination(webhook, books.account_id)]
    assert callbacks.overdue(NOW, webhook, 10) == []
    outcome(books.store, webhook)
    assert callbacks.overdue(NOW + LEASE - 1, "", 10) == []
    assert callbacks.overdue(NOW + LEASE, "", 10) == [Destination(webhook, books.account_id)]


def test_only_callbacks_that_ended_long_ago_are_forgotten(books: Books, webhook: str) -> None:
    first, second, _ = outcome(books.store, webhook)
    ends = [mark(first, DeliveryStatus.DELIVERED), mark(second, DeliveryStatus.DEAD)]
    outcome(books.store, webhook, ends, count=0)
    assert books.store.deliveries.forget(NOW, 10) == 0
    assert books.store.deliveries.forget(NOW + 1, 1) == 1
    assert books.store.deliveries.forget(NOW + 1, 10) == 1
    assert states(books) == {"waiting": 1}
