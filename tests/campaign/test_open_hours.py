"""Open hours: never outside of the local hours, in any zone and through any clock change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.instants import HOUR, MINUTE, Instant, instant_of, iso, moment_of, read_instant
from campaign.open_hours import DAY_MINUTES, Hours, OpenHours

ZONES = sorted(name for name in available_timezones() if "/" in name)
FIRST = instant_of(datetime(2026, 1, 1, tzinfo=UTC))
LAST = instant_of(datetime(2040, 12, 31, tzinfo=UTC))
instants = st.integers(FIRST, LAST)
zones = st.sampled_from(ZONES)
days = st.frozensets(st.integers(0, 6), min_size=1)
DAYTIME = Hours(((480, 1260),), frozenset(range(7)))


@st.composite
def hours(draw: st.DrawFn) -> Hours:
    since = draw(st.integers(0, DAY_MINUTES - 1))
    return Hours(((since, draw(st.integers(since + 1, DAY_MINUTES))),), draw(days))


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, Instant]:
    """An instant within three hours of a clock change, and its zone, if the zone has changes."""
    zone, year = draw(zones), draw(st.integers(2026, 2040))
    at = datetime(year, 1, 1, tzinfo=UTC)
    found = [at + timedelta(days=draw(st.integers(0, 364)))]
    for day in range(365):
        here, next_day = at + timedelta(days=day), at + timedelta(days=day + 1)
        if offset(zone, here) != offset(zone, next_day):
            while next_day - here > timedelta(seconds=1):
                middle = here + (next_day - here) / 2
                same = offset(zone, here) == offset(zone, middle)
                here, next_day = (middle, next_day) if same else (here, middle)
            found.append(next_day)
    change = draw(st.sampled_from(found))
    return zone, instant_of(change) + draw(st.integers(-3 * HOUR, 3 * HOUR))


def offset(zone: str, at: datetime) -> timedelta:
    result = at.astimezone(ZoneInfo(zone)).utcoffset()
    assert result is not None
    return result


def is_within(hours: Hours, zone: str, at: Instant) -> bool:
    """Tell the same by the local clock alone."""
    local = moment_of(at).astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    return local.weekday() in hours.days and any(a <= minute < b for a, b in hours.spans)


def opened(hours: Hours, *names: str) -> OpenHours:
    return OpenHours(frozenset((hours, name) for name in names))


@settings(max_examples=300, deadline=None)
@given(hours(), zones, zones, instants)
def test_no_open_instant_is_outside_of_the_local_hours_of_any_place(
    wanted: Hours, one: str, other: str, at: Instant
) -> None:
    places = opened(wanted, one, other)
    found = places.next_open(at)
    if found is not None:
        until = places.open_until(found)
        assert at <= found < until
        for instant in (found, (found + until) // 2, until - 1):
            assert is_within(wanted, one, instant), (one, iso(instant))
            assert is_within(wanted, other, instant), (other, iso(instant))


@settings(max_examples=200, deadline=None)
@given(hours(), changes())
def test_no_open_instant_is_outside_where_clocks_skip_or_repeat_an_hour(
    wanted: Hours, change: tuple[str, Instant]
) -> None:
    zone, at = change
    found = opened(wanted, zone).next_open(at)
    assert found is not None
    assert is_within(wanted, zone, found)
    assert is_within(wanted, zone, opened(wanted, zone).open_until(found) - 1)


@settings(max_examples=200, deadline=None)
@given(hours(), zones, instants)
def test_an_instant_within_the_hours_is_open_unless_a_clock_change_is_near(
    wanted: Hours, zone: str, at: Instant
) -> None:
    at -= at % MINUTE
    near = {offset(zone, moment_of(at + hour * HOUR)) for hour in range(-26, 27)}
    if len(near) == 1:
        is_open = opened(wanted, zone).next_open(at) == at
        assert is_open is is_within(wanted, zone, at), iso(at)


@settings(max_examples=200, deadline=None)
@given(hours(), zones, instants, st.integers(0, 400 * HOUR), st.integers(0, 400 * HOUR))
def test_a_later_instant_is_never_open_earlier_and_open_time_adds_up(
    wanted: Hours, zone: str, at: Instant, first: Instant, second: Instant
) -> None:
    places = opened(wanted, zone)
    one, other = places.next_open(at), places.next_open(at + first)
    assert one is not None
    assert other is not None
    assert one <= other
    first, second = sorted((first // 40, second // 40))
    before, after = places.after(at, first), places.after(at, second)
    assert before is not None
    assert after is not None
    assert at <= before <= after
    assert places.open_between(at, before) == first
    assert places.open_between(at, after) == second


def test_an_evening_ends_an_hour_sooner_in_utc_when_summer_time_begins() -> None:
    places = opened(DAYTIME, "America/New_York")
    night = read_instant("2027-03-14T04:00:00Z")
    assert iso(places.next_open(night) or 0) == "2027-03-14T12:00:00.000Z"
    assert iso(places.next_open(night - 24 * HOUR) or 0) == "2027-03-13T13:00:00.000Z"


def test_hours_that_no_instant_has_in_common_are_never_open() -> None:
    short = Hours(((540, 600),), frozenset(range(7)))
    places = opened(short, "Europe/Paris", "Asia/Tokyo")
    assert places.next_open(FIRST) is None
    assert places.after(FIRST, HOUR) is None
    assert places.open_until(FIRST) == FIRST


def test_days_that_touch_are_one_interval() -> None:
    whole = Hours(((0, DAY_MINUTES),), frozenset({0, 1}))
    places = opened(whole, "Europe/Paris")
    monday = read_instant("2026-11-30T00:00:00+01:00")
    assert places.open_until(monday) == monday + 48 * HOUR


def test_without_a_place_every_instant_is_open() -> None:
    places = OpenHours(frozenset())
    assert places.next_open(FIRST) == FIRST
    assert places.after(FIRST, 1_000 * HOUR) == FIRST + 1_000 * HOUR
