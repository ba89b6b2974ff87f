"""The sequential test stops what is too bad after few outcomes, and lets go what is good enough."""

import math

import pytest

from bench.canary import MAXIMA, RATE_MAX, braked_at, drawn, stopped_canaries
from campaign.canary import Canary, Measure, size_fault
from campaign.sequential_test import (
    CountedMessage,
    Stop,
    conclude,
    find_stop,
    outcomes_needed,
    stop_from_json,
)
from campaign.states import MessageStatus

DELIVERED, FAILED, SENT = MessageStatus.DELIVERED, MessageStatus.FAILED, MessageStatus.SENT
UNDELIVERED, UNKNOWN = MessageStatus.UNDELIVERED, MessageStatus.UNKNOWN


def messages(*runs: tuple[int, MessageStatus], country: str = "US") -> list[CountedMessage]:
    """So many messages of each state, one run after the other."""
    return [
        CountedMessage(status, "pretend", "+18005559876", country)
        for count, status in runs
        for _ in range(count)
    ]


def test_a_fifth_of_failures_stops_within_a_few_dozen_messages_and_few_failures_never_do() -> None:
    stops = [braked_at(seed, 0.2, 500) for seed in range(40)]
    assert None not in stops
    assert sorted(at or 0 for at in stops)[20] <= 60
    assert [braked_at(seed, 0.01, 2_000) for seed in range(20)] == [None] * 20


def test_a_canary_stops_a_fifth_of_failures_more_often_the_larger_it_is() -> None:
    assert stopped_canaries(20, 0.2, 100) >= 65
    assert stopped_canaries(100, 0.2, 100) >= 97
    assert stopped_canaries(20, 0.01, 100) <= 1
    assert stopped_canaries(100, RATE_MAX / 2, 100) <= 1


def test_good_outcomes_of_the_past_do_not_hide_what_changed_since() -> None:
    assert find_stop("brake", messages((1_000, DELIVERED), (6, FAILED)), MAXIMA) is not None
    assert find_stop("brake", messages((1_000, DELIVERED), (5, FAILED)), MAXIMA) is None


def test_each_carrier_sender_and_country_is_tested_by_itself() -> None:
    good, bad = messages((500, DELIVERED)), messages((6, FAILED), country="GB")
    mixed = [*good[:100], *bad[:3], *good[100:], *bad[3:]]
    stop = find_stop("brake", mixed, MAXIMA)
    assert stop is not None
    assert (stop.country, stop.carrier, stop.bad, stop.outcomes) == ("GB", "pretend", 6, 6)
    assert stop_from_json(stop.to_json()) == stop


def test_refusals_that_come_before_the_receipts_of_others_do_not_look_like_a_rate() -> None:
    early = messages((4, FAILED), (196, SENT), (1, DELIVERED))
    spread = [one for index in range(67) for one in early[index::67]]
    assert find_stop("brake", spread, MAXIMA) is None
    assert conclude("canary", spread, MAXIMA) is None
    assert conclude("canary", messages((20, SENT), (3, UNDELIVERED), (7, DELIVERED)), MAXIMA)


def test_a_rate_of_nothing_stops_at_the_first_and_nothing_stops_what_has_no_outcome() -> None:
    nothing = {Measure.UNKNOWN: 0.0}
    assert find_stop("brake", messages((50, SENT), (1, UNKNOWN)), nothing) is not None
    assert find_stop("brake", messages((50, FAILED)), nothing) is None
    assert conclude("canary", [], MAXIMA | nothing) is None


def test_opt_outs_count_among_those_that_left() -> None:
    opted_out = [CountedMessage(DELIVERED, "pretend", "GODWIT", None, True)] * 6
    stop = find_stop("brake", opted_out, {Measure.OPT_OUTS: 0.05})
    assert stop == Stop("brake", Measure.OPT_OUTS, 6, 6, 0.05, "pretend", "GODWIT", None)
    assert stop.detail == (
        "its brake stopped it: 6 of 6 messages through pretend from GODWIT "
        "were answered by an opt-out, and at most 5 % may"
    )


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.05, 0.5, 0.99])
def test_so_many_bad_outcomes_as_are_needed_decide_and_one_less_does_not(rate: float) -> None:
    needed = outcomes_needed(rate)
    maxima = {Measure.FAILURES: rate}
    assert find_stop("brake", messages((needed, FAILED)), maxima) is not None
    assert find_stop("brake", messages((needed - 1, FAILED)), maxima) is None


@pytest.mark.parametrize(
    ("size", "total", "expected"),
    [(20, 60, 20), (20, 5, 5), ("5%", 1_000, 50), ("0.5%", 1_001, 6), ("1%", 1, 1), ("100%", 7, 7)],
)
def test_a_size_is_a_number_or_a_share_rounded_up(
    size: int | str, total: int, expected: int
) -> None:
    assert size_fault(size) is None
    assert Canary(size, 60, MAXIMA).size_of(total) == expected


@pytest.mark.parametrize("size", [0, -1, True, 50_001, "0%", "101%", "5", "5 %", "", 1.5, None])
def test_other_sizes_are_faults(size: object) -> None:
    assert "number of recipients" in (size_fault(size) or "")


def test_drawn_messages_are_the_same_for_a_seed() -> None:
    assert drawn(3, 50, 0.2) == drawn(3, 50, 0.2)
    assert math.isclose(RATE_MAX, 0.05)
