"""A forecast says when messages leave under the rates that hold them back."""

from hypothesis import given
from hypothesis import strategies as st

from campaign.forecast import BUCKETS_MAX, Departure, Limit, forecast
from campaign.instants import HOUR, SECOND
from campaign.rates import MILLISECOND, Grants, RateState

NOW = 1_800_000_000_000


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
