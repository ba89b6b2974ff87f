"""Grants: segments leave evenly for any number of callers, and no burst is saved up."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.rates import ASK_AHEAD, MILLISECOND, SECOND, SLICE, Grants, RateState

NOW = 1_800_000_000_000
MICROS = NOW * MILLISECOND


def test_what_has_no_speed_leaves_at_once() -> None:
    grants = Grants({}, NOW)
    assert grants.grant(["carrier:a", "sender:b"], 7) == 0
    assert grants.touched == set() and grants.ask_again_at is None


def test_a_grant_reaches_half_a_second_ahead_and_spaces_its_segments() -> None:
    rates = {"sender:a": RateState(20, 0)}
    grants = Grants(rates, NOW)
    starts = [grants.grant(["sender:a"], 1) for _ in range(12)]
    assert starts == [NOW + 50 * number for number in range(10)] + [None, None]
    assert rates["sender:a"].next_at == MICROS + SLICE
    assert grants.ask_again_at == NOW + (SLICE - ASK_AHEAD) // MILLISECOND


def test_time_in_which_nobody_asked_is_not_saved_up() -> None:
    rates = {"sender:a": RateState(20, MICROS - 3_600 * SECOND)}
    starts = [Grants(rates, NOW).grant(["sender:a"], 1) for _ in range(12)]
    assert starts.count(None) == 2


def test_a_long_message_takes_the_time_of_its_segments() -> None:
    rates = {"sender:a": RateState(2, 0)}
    grants = Grants(rates, NOW)
    assert grants.grant(["sender:a"], 5) == NOW
    assert grants.grant(["sender:a"], 1) is None
    assert rates["sender:a"].next_at == MICROS + 5 * SECOND // 2
    assert grants.ask_again_at == NOW + 2_250


def test_the_slowest_scope_says_when_and_all_pay() -> None:
    rates = {"carrier:c": RateState(1_000, 0), "sender:a": RateState(10, MICROS + SECOND // 10)}
    grants = Grants(rates, NOW)
    assert grants.grant(["carrier:c", "sender:a"], 1) == NOW + 100
    assert rates["carrier:c"].next_at == MICROS + 1_000
    assert rates["sender:a"].next_at == MICROS + SECOND // 5
    assert grants.touched == {"carrier:c", "sender:a"}


def test_one_sender_out_of_turn_does_not_hold_up_another() -> None:
    rates = {"sender:a": RateState(10, MICROS + SECOND), "sender:b": RateState(10, 0)}
    grants = Grants(rates, NOW)
    assert grants.grant(["sender:a"], 1) is None
    assert grants.grant(["sender:b"], 1) == NOW
    assert "sender:a" not in grants.touched


@given(
    rate=st.floats(0.5, 5_000),
    asks=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 6)), min_size=1, max_size=200),
)
def test_in_any_window_no_more_leaves_than_the_speed_allows(
    rate: float, asks: list[tuple[int, int]]
) -> None:
    """Whenever somebody asks and for how long messages, each leaves after those before it."""
    limiter = RateState(rate, 0)
    now, left = NOW, []
    for wait, segments in asks:
        now += wait
        start = Grants({"s": limiter}, now).grant(["s"], segments)
        if start is not None:
            assert now <= start <= now + SLICE // MILLISECOND
            left.append((start, segments))
    for (start, segments), (following, _) in pairwise(left):
        assert following - start >= segments / rate * 1_000 - 1.01


@pytest.mark.parametrize("rate", [1.0, 20.0, 33.3, 1_000.0])
def test_who_asks_in_time_loses_nothing_of_the_speed(rate: float) -> None:
    limiter, now, sent = RateState(rate, 0), NOW, 0
    while now < NOW + 60_000:
        grants = Grants({"s": limiter}, now)
        while grants.grant(["s"], 1) is not None:
            sent += 1
        assert grants.ask_again_at is not None
        now = max(now + 1, grants.ask_again_at)
    assert sent == pytest.approx(60 * rate, abs=rate + 2, rel=0.001)
