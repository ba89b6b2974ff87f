"""A forecast says when messages leave under the rates that hold them back."""

import math
import sys
from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaign.forecast import (
    BUCKETS_MAX,
    Departure,
    Forecast,
    Limit,
    Limits,
    in_words,
    limits_of,
    short_spread,
    simulate,
)
from campaign.instants import HOUR, SECOND, Instant
from campaign.rates import (
    MILLISECOND,
    Grants,
    RateState,
    campaign_scope,
    carrier_scope,
    sender_scope,
)
from campaign.schedule import ideal_instants

NOW = 1_800_000_000_000


def forecast(departures: list[Departure], rates: dict[str, float], now: Instant) -> Forecast | None:
    """When they leave; None if nothing does."""
    return simulate(departures, rates, now).forecast


def due(*after: int, segments: int = 1, rates: tuple[str, ...] = ()) -> list[Departure]:
    return [Departure(NOW + each, segments, rates) for each in after]


def test_nothing_to_send_has_no_forecast() -> None:
    assert forecast([], {}, NOW) is None


def test_without_a_rate_messages_leave_when_they_are_due() -> None:
    found = forecast(due(0, HOUR, 2 * HOUR), {}, NOW)
    assert found is not None
    assert (found.first_at, found.last_at, found.limits) == (NOW, NOW + 2 * HOUR, ())


def test_what_was_due_earlier_leaves_now() -> None:
    found = forecast(due(-HOUR), {}, NOW)
    assert found is not None and found.last_at == NOW


def test_a_rate_counts_segments_and_is_named() -> None:
    found = forecast(due(*[0] * 100, segments=3, rates=("sender A",)), {"sender A": 10.0}, NOW)
    assert found is not None
    assert found.last_at - found.first_at == 99 * 3 * SECOND / 10
    assert found.limits == (Limit("sender A", 10.0),)


def test_a_rate_that_is_quicker_than_the_plan_limits_nothing() -> None:
    found = forecast(due(*range(0, 100_000, 1_000), rates=("a",)), {"a": 40.0}, NOW)
    assert found is not None and found.limits == ()


def test_the_slowest_rate_of_a_message_is_the_one_that_is_named() -> None:
    rates = {"sender A": 100.0, "carrier B": 2.0}
    found = forecast(due(*[0] * 10, rates=("sender A", "carrier B")), rates, NOW)
    assert found is not None
    assert found.limits == (Limit("carrier B", 2.0),)
    assert found.last_at == NOW + 9 * SECOND // 2


DEPARTURES = st.lists(
    st.tuples(st.integers(0, 60_000), st.integers(1, 5), st.sampled_from([("a",), ("a", "b"), ()])),
    min_size=1,
    max_size=80,
)
RATES = st.dictionaries(st.sampled_from("ab"), st.floats(0.5, 500), max_size=2)


@given(DEPARTURES, RATES)
@example([(0, 1, ("a",)), (0, 1, ("a", "b")), (0, 1, ("a", "b"))], {"a": 1.0, "b": 0.5})
def test_the_forecast_is_what_the_rates_grant(
    messages: list[tuple[int, int, tuple[str, ...]]], rates: dict[str, float]
) -> None:
    departures = [Departure(NOW + after, count, names) for after, count, names in messages]
    found = forecast(departures, rates, NOW)
    assert found is not None
    states = {name: RateState(rate, 0) for name, rate in rates.items()}
    left = []
    for each in sorted(departures, key=lambda one: one.due_at):
        now, start = each.due_at, None
        while start is None:
            grants = Grants(states, now)
            start = grants.grant(each.rates, each.segments)
            now = grants.ask_again_at or now
        left.append(max(each.due_at, start))
    # Grants round each segment to microseconds and each instant up to milliseconds.
    assert abs(found.first_at - min(left)) <= 2
    assert abs(found.last_at - max(left)) <= 2 + len(left) / MILLISECOND
    assert found.last_at >= max(each.due_at for each in departures)


@given(st.lists(st.integers(0, 20 * 24 * HOUR), min_size=1, max_size=200))
def test_the_timeline_counts_every_message_once_and_stays_short(after: list[int]) -> None:
    found = forecast(due(*after), {}, NOW)
    assert found is not None
    assert sum(count for _, count in found.timeline) == len(after)
    assert len(found.timeline) <= BUCKETS_MAX
    instants = [at for at, _ in found.timeline]
    assert instants == sorted(set(instants)) and instants[0] == found.first_at


@given(DEPARTURES, RATES, st.integers(1, 20))
def test_messages_that_are_taken_together_end_as_each_by_itself_would(
    messages: list[tuple[int, int, tuple[str, ...]]], rates: dict[str, float], apart: int
) -> None:
    names = messages[0][2]
    each = [Departure(NOW + n * apart, 1, names) for n in range(200)]
    parts = [
        Departure(part[0].due_at, len(part), names, len(part), part[-1].due_at)
        for part in (each[at : at + 10] for at in range(0, len(each), 10))
    ]
    one, other = forecast(each, rates, NOW), forecast(parts, rates, NOW)
    assert one is not None and other is not None
    assert one.first_at == other.first_at
    assert abs(one.last_at - other.last_at) <= 2 + (one.last_at - one.first_at) / 1_000
    assert sum(count for _, count in other.timeline) == 200


SENDERS = ("+18005559876", "GODWIT")


def limits(**rates: float) -> Limits:
    scopes = {
        "sender": sender_scope("acc", "GODWIT"),
        "carrier": carrier_scope("pretend"),
        "campaign": campaign_scope("cmp"),
    }
    by_scope = {scopes[name]: rate for name, rate in rates.items()}
    return limits_of("acc", SENDERS, {None: ("pretend",)}, by_scope, "cmp")


def test_a_spread_that_cannot_fit_says_what_it_needs() -> None:
    fault = short_spread(2.0, {"GODWIT": 460_800}, limits(sender=40.0))
    assert fault is not None
    assert fault[0] == "needs 3 h 12 m at 40 segments/s; the spread is 2 h"
    assert fault[1] == {"neededSeconds": 11_520, "segmentsPerSecond": 40.0, "limitedBy": "sender"}
    assert short_spread(3.2, {"GODWIT": 460_800}, limits(sender=40.0)) is None


def test_the_rate_of_a_carrier_counts_the_segments_of_all_its_senders() -> None:
    segments = {"GODWIT": 100, "+18005559876": 500}
    fault = short_spread(0.01, segments, limits(sender=10.0, carrier=10.0))
    assert fault is not None and fault[0] == "needs 1 m at 10 segments/s; the spread is 36 s"
    assert short_spread(0.01, segments, limits(sender=10.0)) is None


def test_without_a_spread_or_a_rate_everything_fits() -> None:
    assert short_spread(0.0, {"GODWIT": 100}, limits(campaign=1.0)) is None
    assert short_spread(0.01, {"GODWIT": 1_000_000}, limits()) is None


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (1, "1 s"),
        (36 * SECOND, "36 s"),
        (59_001, "60 s"),
        (61 * SECOND, "1 m 1 s"),
        (2 * HOUR, "2 h"),
        (11_520 * SECOND, "3 h 12 m"),
        (50 * HOUR, "2 d 2 h"),
    ],
)
def test_a_length_has_its_two_largest_units(length: int, words: str) -> None:
    assert in_words(length) == words


def claimed(
    departures: list[Departure],
    rates: dict[str, float],
    window: int,
    expires_at: float = math.inf,
) -> list[int]:
    """When messages leave: claimed so many at once when they are due, within real grants.

    What is due outside of its hours is put off to the next opening, and what was granted an instant
    after the closing or the expiry is not sent.
    """
    states = {name: RateState(rate, 0) for name, rate in rates.items()}
    waiting = sorted(departures, key=lambda each: each.due_at)
    left: list[int] = []
    now = waiting[0].due_at
    while waiting and now < expires_at:
        grants, kept = Grants(states, now), []
        room = window
        for each in waiting:
            start = None
            if room and each.due_at <= now:
                opens_at = now if each.open_at is None else each.open_at.next_open(now)
                if opens_at == now:
                    start = grants.grant(each.rates, each.segments)
                    closes = math.inf if each.open_at is None else each.open_at.open_until(now)
                    if start is not None and start >= min(closes, expires_at):
                        start = None
                elif opens_at is not None:
                    each = replace(each, due_at=opens_at)
            if start is None:
                kept.append(each)
            else:
                room -= 1
                left.append(max(now, start))
        waiting = kept
        later = min((each.due_at for each in waiting), default=now)
        now = max(now + 50, grants.ask_again_at or later)
    return left


@pytest.mark.parametrize("seed", range(20))
def test_twenty_campaigns_end_within_five_percent_or_seconds_of_their_forecast(seed: int) -> None:
    random = Random(seed)
    count = random.choice([30, 200, 800])
    hours = random.choice([0.0, 0.01, 0.1, 1.0])
    rates = {"sender": random.choice([2.0, 10.0, 100.0])}
    if random.random() < 0.5:
        rates["carrier"] = random.choice([5.0, 50.0])
    departures = [
        Departure(due_at, random.choice([1, 1, 2, 3]), tuple(rates))
        for due_at in ideal_instants(NOW, hours, count)
    ]
    found = forecast(departures, rates, NOW)
    assert found is not None
    truth = max(claimed(departures, rates, 64))
    off = (found.last_at - truth) / SECOND
    length = (truth - NOW) / SECOND
    sys.stdout.write(f"| {seed} | {count} × {hours:g} h | {rates} | {length:.1f} | {off:+.2f} |\n")
    assert abs(off) <= max(5, 0.05 * length)
