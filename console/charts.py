"""Geometry of the bars and charts, which the templates write as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from campaign.forecast import Forecast
from campaign.instants import SECOND, Instant
from campaign.ports import Tally
from campaign.timeline import TimelinePoint
from store.clock import wall_clock

BAR_WIDTH = 1_000
WIDTH, HEIGHT = 1_000, 240
ROWS_MAX = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar: its class, what it counts in words, and its place in ``BAR_WIDTH``."""

    name: str
    words: str
    count: int
    left: float = 0.0
    width: float = 0.0


def bar(tally: Tally) -> Sequence[Part]:
    """The parts of the bar of a campaign that are not empty, from left to right.

    Every part is wide enough to be seen; the widest ones give that up.
    """
    counts = [
        Part("delivered", "delivered", tally.delivered),
        Part("sent", "handed to the network", tally.sent),
        Part("undelivered", "not delivered", tally.undelivered),
        Part("failed", "could not be sent", tally.failed),
        Part("unknown", "not known yet", tally.unknown),
        Part("left-out", "left out", tally.skipped + tally.cancelled),
        Part("waiting", "waiting", tally.queued + tally.sending + tally.retryable),
    ]
    present = [part for part in counts if part.count]
    least = BAR_WIDTH / 100
    wanted = [max(BAR_WIDTH * part.count / max(tally.total, 1), least) for part in present]
    scale = BAR_WIDTH / max(sum(wanted), 1)
    parts, left = [], 0.0
    for part, width in zip(present, wanted, strict=True):
        width = round(width * scale, 1)
        parts.append(Part(part.name, part.words, part.count, round(left, 1), width))
        left += width
    return parts


@dataclass(frozen=True, slots=True)
class Row:
    """How many messages were planned, out, delivered and failed until an instant."""

    at: Instant
    planned: int
    sent: int
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The progress of a campaign as lines of SVG, from the first instant to the last.

    Each line rises to the messages until then, of ``most``. ``marks`` are the places where some
    failed, ``now`` is that of the present if it is within.
    """

    first_at: Instant
    last_at: Instant
    most: int
    planned: str
    sent: str
    delivered: str
    marks: Sequence[float]
    now: float | None
    rows: Sequence[Row]


def chart(points: Sequence[TimelinePoint]) -> Chart | None:
    """Draw a timeline; None where there are fewer than two points to draw a line between."""
    if len(points) < 2:
        return None
    width = points[1].at - points[0].at
    rows = [Row(points[0].at, 0, 0, 0, 0)]
    for point in points:
        last = rows[-1]
        rows.append(
            Row(
                point.at + width,
                last.planned + point.planned,
                last.sent + point.sent,
                last.delivered + point.delivered,
                last.failed + point.failed,
            )
        )
    now, first, last_at = wall_clock(), rows[0].at, rows[-1].at
    most = max(rows[-1].planned, rows[-1].sent, rows[-1].delivered, 1)

    def place(at: Instant) -> float:
        return round(WIDTH * (at - first) / (last_at - first), 1)

    def line(name: str) -> str:
        # What is yet to come has no line, except the plan.
        known = [row for row in rows if name == "planned" or row.at < now + width]
        heights = [round(HEIGHT * (1 - getattr(row, name) / most), 1) for row in known]
        return " ".join(
            f"{place(row.at if name == 'planned' else min(row.at, now))},{height}"
            for row, height in zip(known, heights, strict=True)
        )

    step = -(-len(rows) // ROWS_MAX)
    return Chart(
        first_at=first,
        last_at=last_at,
        most=most,
        planned=line("planned"),
        sent=line("sent"),
        delivered=line("delivered"),
        marks=[place(point.at) for point in points if point.failed],
        now=place(now) if first <= now <= last_at else None,
        rows=[row for index, row in enumerate(rows) if index % step == 0 or row is rows[-1]],
    )


@dataclass(frozen=True, slots=True)
class Curve:
    """How many messages have left until when, as a line of SVG and as rows of a table."""

    first_at: Instant
    last_at: Instant
    line: str
    rows: Sequence[tuple[Instant, int]]


def curve(forecast: Forecast | None) -> Curve | None:
    """Draw a forecast; None where all leave within a moment, or nothing does."""
    if forecast is None or forecast.last_at - forecast.first_at < SECOND:
        return None
    first, span = forecast.first_at, forecast.last_at - forecast.first_at
    rows, left = [(first, 0)], 0
    begins = [at for at, _ in forecast.timeline[1:]]
    for until, (_, count) in zip((*begins, forecast.last_at), forecast.timeline, strict=True):
        left += count
        rows.append((until, left))
    line = " ".join(
        f"{round(WIDTH * (at - first) / span, 1)},{round(HEIGHT * (1 - count / left), 1)}"
        for at, count in rows
    )
    step = -(-len(rows) // ROWS_MAX)
    shown = [row for index, row in enumerate(rows) if index % step == 0 or row is rows[-1]]
    return Curve(first, forecast.last_at, line, shown)


def area(line: str) -> str:
    """The area below a line."""
    ends = [pair.partition(",")[0] for pair in line.split()]
    return f"{ends[0]},{HEIGHT} {line} {ends[-1]},{HEIGHT}" if ends else ""
