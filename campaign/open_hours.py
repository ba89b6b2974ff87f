"""The instants at which a set of places is within given hours, with clock changes.

A place is a time zone with hours of the day. An instant is open if it is within the hours of every
place. Where a clock change makes a beginning or an end ambiguous, the shorter interval counts, so
that no open instant is outside the hours.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from campaign.instants import INSTANT_MAX, MINUTE, SECOND, Instant
from campaign.time_zones import zone_of

DAY_MINUTES = 24 * 60
_WEEK: Instant = 7 * DAY_MINUTES * MINUTE
# A place that is not open within so many weeks is taken as never open.
_NEVER_WEEKS = 3
_WEEKS_KEPT = 60
_EPOCH = date(1970, 1, 1)
Interval = tuple[Instant, Instant]


@dataclass(frozen=True, slots=True)
class Hours:
    """Half-open spans of a day, in minutes since local midnight, on weekdays (0 is Monday)."""

    spans: tuple[tuple[int, int], ...]
    days: frozenset[int]


Place = tuple[Hours, str]


class OpenHours:
    """When all of some places are open; without a place, always.

    Instants are in milliseconds. Equal places share one object (:func:`open_hours`).
    """

    def __init__(self, places: frozenset[Place]) -> None:
        self._places = sorted(places, key=lambda place: (place[1], place[0].spans))
        self._weeks: dict[int, tuple[tuple[Interval, ...], Instant]] = {}

    def next_open(self, at: Instant) -> Instant | None:
        """The first open instant that is not before ``at``; None if there is none in sight."""
        for start, end in self._from(at, _NEVER_WEEKS):
            if at < end:
                return max(start, at)
        return None

    def open_until(self, at: Instant) -> Instant:
        """The end of the open interval around ``at``; ``at`` itself if it is not open."""
        until = at
        for start, end in self._from(at, _NEVER_WEEKS):
            if start > until:
                break
            until = max(until, end)
        return until

    def open_between(self, since: Instant, until: Instant) -> Instant:
        """How much of the time from ``since`` to ``until`` is open."""
        total: Instant = 0
        weeks = max(0, until // _WEEK - since // _WEEK + 1)
        for start, end in self._from(since, weeks):
            total += max(0, min(end, until) - max(start, since))
        return total

    def after(
        self, at: Instant, open_time: Instant, within: Instant = INSTANT_MAX
    ) -> Instant | None:
        """The instant before which, from ``at`` on, ``open_time`` was open; itself open.

        With 0 it is ``next_open``. None if it is in a week that begins later than ``within`` after
        ``at``, or the places are not open any more.
        """
        left, first = open_time, at // _WEEK
        shut, last = 0, min(at + within, INSTANT_MAX) // _WEEK
        for week in range(first, last + 1):
            intervals, total = self._week(week)
            shut = 0 if intervals else shut + 1
            if shut == _NEVER_WEEKS:
                break
            if week > first and total <= left:
                left -= total
                continue
            for start, end in intervals:
                length = max(0, end - max(start, at))
                if left < length:
                    return max(start, at) + left
                left -= length
        return None

    def _from(self, at: Instant, weeks: int) -> Iterator[Interval]:
        first = at // _WEEK
        for week in range(first, first + weeks):
            yield from self._week(week)[0]

    def _week(self, week: int) -> tuple[tuple[Interval, ...], Instant]:
        """The open intervals of a week of UTC, and their length together."""
        known = self._weeks.get(week)
        if known is None:
            if len(self._weeks) >= _WEEKS_KEPT:
                self._weeks = {}
            start = week * _WEEK
            whole: list[Interval] = [(start, start + _WEEK)]
            for hours, zone in self._places:
                whole = list(_overlap(whole, _week_at(hours, zone, week)))
            self._weeks[week] = known = tuple(whole), sum(end - start for start, end in whole)
        return known


@lru_cache(maxsize=2_000)
def open_hours(places: frozenset[Place]) -> OpenHours:
    """The open hours of a set of places."""
    return OpenHours(places)


@lru_cache(maxsize=20_000)
def _week_at(hours: Hours, zone: str, week: int) -> tuple[Interval, ...]:
    """The open intervals of one place within a week of UTC, in order."""
    start = week * _WEEK
    first = _EPOCH + timedelta(days=7 * week - 1)
    found = []
    for day in (first + timedelta(days=number) for number in range(9)):
        if day.weekday() in hours.days:
            for since, until in hours.spans:
                begin = max(_instants(day, since, zone))
                end = min(_instants(day, until, zone))
                begin, end = max(begin, start), min(end, start + _WEEK)
                if begin < end:
                    found.append((begin, end))
    return tuple(_joined(sorted(found)))


def _instants(day: date, minute: int, zone: str) -> tuple[Instant, Instant]:
    """Both readings of a local time, which differ where a clock change skips or repeats it."""
    day += timedelta(days=minute // DAY_MINUTES)
    minute %= DAY_MINUTES
    local = datetime.combine(day, time(minute // 60, minute % 60), zone_of(zone))
    earlier, later = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return round(earlier.timestamp()) * SECOND, round(later.timestamp()) * SECOND


def _joined(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Sorted intervals, those that touch as one."""
    held: Interval | None = None
    for start, end in intervals:
        if held is not None and start <= held[1]:
            held = (held[0], max(held[1], end))
            continue
        if held is not None:
            yield held
        held = (start, end)
    if held is not None:
        yield held


def _overlap(some: list[Interval], others: tuple[Interval, ...]) -> Iterator[Interval]:
    """What two sorted lists of intervals have in common."""
    ends = [end for _, end in others]
    for start, end in some:
        for other in others[bisect_right(ends, start) :]:
            if other[0] >= end:
                break
            yield max(start, other[0]), min(end, other[1])
