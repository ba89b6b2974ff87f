"""How a campaign went over time: its planned and its actual messages, in equal parts."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant

POINTS_MAX = 200
_WIDTHS = (
    *(SECOND * count for count in (1, 2, 5, 10, 15, 30)),
    *(MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(HOUR * count for count in (1, 2, 3, 6, 12)),
)


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """The messages from ``at`` until the next point: due, handed over, delivered and failed.

    What a carrier could not deliver counts as failed, like what never left.
    """

    at: Instant
    planned: int = 0
    sent: int = 0
    delivered: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class TimelineCount:
    """So many messages that are alike: the parts, counted from 1970, in which each thing was."""

    count: int
    planned: int | None = None
    sent: int | None = None
    delivered: int | None = None
    failed: int | None = None


def part_width(span: Instant, parts_max: int) -> Instant:
    """The shortest length of parts of which fewer than ``parts_max`` fit into a span.

    It divides a day, or is whole days.
    """
    days = DAY * (span // (DAY * parts_max) + 1)
    return next((width for width in _WIDTHS if span < width * parts_max), days)


def timeline(counts: Iterable[TimelineCount], width: Instant) -> list[TimelinePoint]:
    """Add up the points at multiples of ``width``, from the first with anything to the last."""
    series = [field.name for field in fields(TimelinePoint) if field.name != "at"]
    sums: dict[int, dict[str, int]] = {}
    for alike in counts:
        for name in series:
            part = getattr(alike, name)
            if part is not None:
                there = sums.setdefault(part, dict.fromkeys(series, 0))
                there[name] += alike.count
    if not sums:
        return []
    return [
        TimelinePoint(part * width, **sums.get(part, {}))
        for part in range(min(sums), max(sums) + 1)
    ]
