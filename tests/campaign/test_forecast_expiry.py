"""A forecast knows when a campaign expires, and what does not leave by then."""

import sys
from random import Random

import pytest

from campaign.forecast import Departure, Skip, simulate
from campaign.instants import HOUR, SECOND
from campaign.schedule import ideal_instants
from campaign.sending_windows import EXPIRED, OUTSIDE_WINDOW
from tests.campaign.test_forecast import NOW, claimed
from tests.campaign.test_forecast_windows import SENDER, at, hours_of_day


def test_what_a_rate_holds_back_until_the_expiry_does_not_leave() -> None:
    due = [Departure(NOW, 1, SENDER) for _ in range(100)]
    found = simulate(due, {"sender": 1.0}, NOW, NOW + 60 * SECOND)
    assert found.forecast is not None
    assert found.forecast.last_at == NOW + 59 * SECOND
    assert sum(count for _, count in found.forecast.timeline) == 60
    assert found.skips == tuple(Skip(index, 1, EXPIRED) for index in range(60, 100))


def test_what_is_due_at_the_expiry_does_not_leave() -> None:
    due = [Departure(NOW + each * SECOND, 1, ()) for each in range(3)]
    found = simulate(due, {}, NOW, NOW + 2 * SECOND)
    assert found.forecast is not None and found.forecast.last_at == NOW + SECOND
    assert found.expired == 1
    assert simulate(due, {}, NOW, NOW).forecast is None
    assert simulate(due, {}, NOW + HOUR, NOW + HOUR).expired == 3


def test_what_never_leaves_is_named_with_its_reason() -> None:
    open_at = hours_of_day(9, 17)
    due = [
        Departure(at(18), 1, SENDER, open_at=open_at),
        Departure(at(18), 1, SENDER, open_at=open_at, skips=True),
        Departure(at(10), 1, SENDER, open_at=open_at),
    ]
    found = simulate(due, {"sender": 1.0}, at(8), at(23))
    assert sorted(found.skips, key=lambda skip: skip.index) == [
        Skip(0, 1, EXPIRED),
        Skip(1, 1, OUTSIDE_WINDOW),
    ]
    assert found.forecast is not None and found.forecast.last_at == at(10)


@pytest.mark.parametrize("rates", [{}, {"sender": 0.5}])
def test_of_messages_that_are_taken_together_as_many_expire_as_one_by_one(
    rates: dict[str, float],
) -> None:
    each = [Departure(NOW + n * SECOND, 1, SENDER) for n in range(1_000)]
    parts = [
        Departure(part[0].due_at, len(part), SENDER, len(part), part[-1].due_at)
        for part in (each[start : start + 100] for start in range(0, len(each), 100))
    ]
    ends_at = NOW + 730 * SECOND
    one, other = simulate(each, rates, NOW, ends_at), simulate(parts, rates, NOW, ends_at)
    assert abs(one.expired - other.expired) <= 1
    assert one.forecast is not None and other.forecast is not None
    assert abs(one.forecast.last_at - other.forecast.last_at) <= 2 * SECOND
    assert other.forecast.last_at <= ends_at


@pytest.mark.parametrize("seed", range(20))
def test_twenty_campaigns_that_expire_send_what_was_forecast(seed: int) -> None:
    random = Random(seed)
    count, hours = random.choice([100, 250, 500]), random.choice([0.0, 0.1, 1.0])
    rates = {"sender": random.choice([0.5, 2.0, 10.0])}
    if random.random() < 0.5:
        rates["carrier"] = random.choice([0.2, 5.0])
    departures = [
        Departure(due_at, random.choice([1, 1, 2, 3]), tuple(rates))
        for due_at in ideal_instants(NOW, hours, count)
    ]
    expires_at = NOW + round(random.uniform(0.02, 0.4) * HOUR)
    found = simulate(departures, rates, NOW, expires_at)
    assert found.forecast is not None
    left = claimed(departures, rates, 64, expires_at)
    off = (found.forecast.last_at - max(left)) / SECOND
    expired = count - len(left)
    sys.stdout.write(
        f"| {seed} | {count} × {hours:g} h | "
        f"{', '.join(f'{name} {rate:g}' for name, rate in rates.items())} | "
        f"{(expires_at - NOW) / HOUR:.2f} h | {expired} | {found.expired - expired:+d} | "
        f"{off:+.2f} s |\n"
    )
    assert found.forecast.last_at < expires_at
    assert abs(found.expired - expired) <= 1
    # A message more or less is one grant of the slowest rate.
    assert abs(off) <= 3 / min(rates.values()) + 0.1
