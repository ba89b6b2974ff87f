"""A forecast knows the hours in which messages may leave."""

import sys
from random import Random

import pytest

from campaign.forecast import Departure, Limit
from campaign.instants import DAY, HOUR, SECOND, Instant, read_instant
from campaign.open_hours import Hours, OpenHours, open_hours
from campaign.schedule import ideal_instants
from campaign.sending_windows import SendingHours, Window, due_within
from tests.campaign.test_forecast import claimed, forecast

# A Monday, and in the week after it the clocks of New York change.
MONDAY = read_instant("2026-10-26T00:00:00Z")
SENDER = ("sender",)


def hours_of_day(since: int, until: int, zone: str = "UTC", days: int = 7) -> OpenHours:
    """Open between two hours on the first so many days of each week."""
    return open_hours(
        frozenset({(Hours(((since * 60, until * 60),), frozenset(range(days))), zone)})
    )


def at(hour: float, day: int = 0) -> Instant:
    return MONDAY + day * DAY + round(hour * HOUR)


def test_what_a_rate_holds_back_beyond_the_closing_leaves_the_next_morning() -> None:
    open_at = hours_of_day(9, 17)
    due = [Departure(at(16), 1, SENDER, open_at=open_at) for _ in range(5_400)]
    found = forecast(due, {"sender": 1.0}, at(16))
    assert found is not None
    assert (found.first_at, found.limits) == (at(16), (Limit("sender", 1.0),))
    # An hour holds 3,600; the other 1,800 take half an hour of the next day.
    assert found.last_at == at(9.5, 1) - SECOND
    assert not any(at(17) <= instant < at(8, 1) for instant, _ in found.timeline)


def test_what_is_skipped_outside_of_its_hours_does_not_leave() -> None:
    open_at = hours_of_day(9, 17)
    due = [Departure(at(16), 1, SENDER, open_at=open_at, skips=True) for _ in range(5_400)]
    found = forecast(due, {"sender": 1.0}, at(16))
    assert found is not None
    assert found.last_at == at(17) - SECOND
    assert sum(count for _, count in found.timeline) == 3_600
    assert forecast(due, {"sender": 1.0}, at(20)) is None


@pytest.mark.parametrize("rates", [{}, {"sender": 0.5}])
def test_messages_that_are_taken_together_keep_the_hours_as_each_by_itself_would(
    rates: dict[str, float],
) -> None:
    open_at = hours_of_day(9, 17)
    each = [Departure(at(15) + n * 4 * SECOND, 1, SENDER, open_at=open_at) for n in range(3_000)]
    parts = [
        Departure(part[0].due_at, len(part), SENDER, len(part), part[-1].due_at, open_at)
        for part in (each[start : start + 500] for start in range(0, len(each), 500))
    ]
    one, other = forecast(each, rates, at(15)), forecast(parts, rates, at(15))
    assert one is not None and other is not None
    assert one.first_at == other.first_at
    assert abs(one.last_at - other.last_at) <= 5 * SECOND
    assert sum(count for _, count in other.timeline) == len(each)


ZONES = ("America/New_York", "Asia/Kolkata", "Europe/London", "Australia/Sydney")


@pytest.mark.parametrize("seed", range(20))
def test_twenty_campaigns_with_windows_end_when_they_were_forecast(seed: int) -> None:
    random = Random(seed)
    count, hours = random.choice([100, 250, 500]), random.choice([0.0, 2.0, 12.0])
    start = at(random.uniform(0, 24), random.randrange(7))
    rates = {"sender": random.choice([0.02, 0.05, 0.2])}
    for name, chosen in (("carrier", [0.05, 5.0]), ("campaign", [0.04, 0.2])):
        if random.random() < 0.5:
            rates[name] = random.choice(chosen)
    since, until = random.choice([(8, 21), (9, 17), (10, 12)])
    days = random.choice([5, 7])
    # A place whose zone is not known is open where all of its zones are.
    zones = random.sample(ZONES, random.choice([1, 1, 2]))
    opens = [hours_of_day(since, until, zone, days) for zone in zones]
    keeps = SendingHours(Window(Hours(((since * 60, until * 60),), frozenset(range(days)))), False)
    departures = []
    for number, due_at in enumerate(ideal_instants(start, hours, count)):
        open_at = opens[number % len(opens)]
        planned = due_within(keeps, open_at, start, due_at)
        assert planned is not None
        segments = random.choice([1, 1, 2, 3])
        departures.append(Departure(planned, segments, tuple(rates), open_at=open_at))
    found = forecast(departures, rates, start)
    assert found is not None
    left = claimed(departures, rates, 64)
    truth = max(left)
    off, length = (found.last_at - truth) / SECOND, (truth - start) / HOUR
    named = ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
    sys.stdout.write(
        f"| {seed} | {count} × {hours:g} h | {named} | {since}–{until}, {days} days, "
        f"{len(zones)} zones | {length:.1f} h | {off:+.2f} s |\n"
    )
    assert abs(off) <= max(5, 0.05 * length * HOUR / SECOND)
    assert len(left) == count and abs(found.first_at - min(left)) <= SECOND
