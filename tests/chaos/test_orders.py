"""The judge of the orders: what counts as sent against one."""

import pytest

from tests.chaos.customers import Order, Posted
from tests.chaos.orders import UNDER_WAY, forgotten, sent_against_orders

LATE = UNDER_WAY + 1


def test_what_leaves_in_a_pause_is_named_and_what_leaves_after_the_resume_is_not() -> None:
    posted = Posted("cmp_1", 3, [Order("pause", 0, 10), Order("resume", 20_000, 20_005)])
    assert sent_against_orders(posted, [5, 10 + LATE, 20_001]) == [
        f"cmp_1 pause: sent {LATE} ms later"
    ]


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_what_leaves_after_a_retry_of_what_had_failed_goes_against_no_earlier_order(
    verb: str,
) -> None:
    held, retry = Order(verb, 0, 10), Order("retry", 20_000, 20_005, {"msg_1": 1})
    assert len(sent_against_orders(Posted("cmp_1", 3, [held]), [10 + LATE, 20_001])) == 2
    assert len(sent_against_orders(Posted("cmp_1", 3, [held, retry]), [10 + LATE, 20_001])) == 1


def test_what_leaves_before_the_start_that_was_given_last_is_named() -> None:
    moved = Order("reschedule", 0, 10, "1970-01-01T00:01:00+00:00")
    assert sent_against_orders(Posted("cmp_1", 3, [moved]), [50_000, 60_000]) == [
        "cmp_1 reschedule: sent 10000 ms before its start"
    ]


def test_a_start_that_had_passed_when_the_order_was_answered_means_then() -> None:
    moved = Order("reschedule", 0, 70_000, "1970-01-01T00:01:00+00:00")
    posted = Posted("cmp_1", 3, [moved])
    shown = {"status": "running", "pausedBy": None}

    def kept(start: str) -> bool:
        return not forgotten(posted, {**shown, "scheduleDateTime": f"1970-01-01T{start}Z"}, {})

    assert kept("00:01:00") and kept("00:01:10") and not kept("00:00:59") and not kept("00:01:11")
