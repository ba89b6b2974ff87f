"""When each message is due, and which messages leave together (seeds 003 and 004)."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant
from campaign.model import SCHEDULE_AHEAD_MAX, SPREAD_HOURS_MAX
from campaign.ports import WaveRow

# A time less than an hour ago means "now"; an older one is a mistake
# (seed 003_9fb2bf36535a4962.txt, Schedule).
PAST_GRACE: Instant = 60 * MINUTE
# No installation can set higher limits than these.
SCHEDULE_AHEAD_CEILING: Instant = 3_660 * DAY
SPREAD_HOURS_CEILING = 366 * 24.0


def window_fault(at: Instant, now: Instant, ahead_max: Instant = SCHEDULE_AHEAD_MAX) -> str | None:
    """The fault of a schedule, or None; a time less than an hour ago means now.

    Exactly one hour ago is refused, exactly ``ahead_max`` is accepted (003_9fb2bf36535a4962.txt).
    """
    if at - now > ahead_max:
        return f"more than {ahead_max // DAY} days in the future"
    if at - now <= -PAST_GRACE:
        return "an hour or more in the past"
    return None


def expiry_fault(
    expires_at: Instant, now: Instant, ahead_max: Instant = SCHEDULE_AHEAD_MAX
) -> str | None:
    """The fault of an expiry, or None: it must be in the future, as near as a schedule must be."""
    return (
        "must be in the future" if expires_at <= now else window_fault(expires_at, now, ahead_max)
    )


def spread_fault(hours: float, hours_max: float = SPREAD_HOURS_MAX) -> str | None:
    """The fault of a spread, or None: it must be a number of hours within the limits."""
    if math.isfinite(hours) and 0 <= hours <= hours_max:
        return None
    return f"must be from 0 to {hours_max:g} hours"


UNSPREAD_WIDTH: Instant = 1 * SECOND
SPREAD_WIDTH_MIN: Instant = 30 * SECOND
WIDTH_PART = 0.005
# A wave that is wider than an unspread one has no more chunks than run at the same time: each must
# run when its first message is due.
SPREAD_CHUNKS_MAX = 2


def ideal_instants(start: Instant, spread_hours: float, count: int) -> list[Instant]:
    """The instant that each of ``count`` messages should leave at, in order.

    The window is divided into ``count`` equal parts and each message leaves at the beginning
    of its own, so the first is due at ``start`` and none after the end of the window. Depends on
    the position only, so restarts and pauses do not change it.
    """
    if count <= 0:
        return []
    window = spread_hours * HOUR
    return [start + int(window * position / count) for position in range(count)]


def planned_instant(
    start: Instant,
    spread_hours: float,
    count: int,
    position: int,
    canary: tuple[int, int] = (0, 0),
) -> Instant:
    """The instant of the message at a ``position`` of ``count``; a canary has its size and wait.

    A position from ``count`` on gets the last instant: a mailing list may grow while it is read.
    """
    size, wait_seconds = canary
    if position < size:
        return start
    last = max(1, count - size)
    place = min(position - size, last - 1)
    return start + wait_seconds * SECOND + int(spread_hours * HOUR * place / last)


def canary_instants(
    start: Instant, spread_hours: float, count: int, size: int, wait_seconds: int
) -> list[Instant]:
    """The instants of a plan with a canary: ``size`` messages at once, then the others, spread.

    The others begin when the wait ends at the latest, so that a forecast of the plan is late
    rather than early. The plan moves when the canary ends.
    """
    after = start + wait_seconds * SECOND
    return [start] * min(size, count) + ideal_instants(after, spread_hours, count - size)


def wave_width(spread_hours: float, length: Instant = 0) -> Instant:
    """The width of a wave: the most time between its first and last due instant, in ms.

    ``length`` is from the start of the plan to its last due instant, which recipients' own times
    and windows may put beyond the spread. The width is 0.5 % of the longer of both, and at least
    30 s in a spread or 1 s without one: about 200 waves of a long plan. A chunk sends each of its
    messages when that is due.
    """
    least = SPREAD_WIDTH_MIN if spread_hours > 0 else UNSPREAD_WIDTH
    return max(least, int(max(spread_hours * HOUR, length) * WIDTH_PART))


@dataclass(frozen=True, slots=True)
class Wave:
    """Messages that the same chunks send: all that are due from ``fire_at`` to ``due_until``.

    ``chunks`` are half-open position ranges ``(low, high)`` in which the rows lie. With ``begins``
    the campaign has not begun, and the first chunk writes that it runs.
    """

    fire_at: Instant
    due_until: Instant
    count: int
    chunks: tuple[tuple[int, int], ...]
    begins: bool = False


def waves(rows: Sequence[WaveRow], width: Instant, chunk_size: int) -> list[Wave]:
    """Group waiting rows, ordered by due instant, into waves.

    Rows up to ``width`` after the first of a wave join it, but only those of the first second once
    it has ``SPREAD_CHUNKS_MAX`` chunks. A wave fires when its first row is due. Every row is in
    exactly one wave, and in exactly one chunk of it.
    """
    result: list[Wave] = []
    start, full = 0, SPREAD_CHUNKS_MAX * chunk_size
    for index in range(1, len(rows) + 1):
        allowed = width if index - start < full else min(width, UNSPREAD_WIDTH)
        if index < len(rows) and rows[index].due_at - rows[start].due_at <= allowed:
            continue
        result.append(_wave(rows[start:index], chunk_size))
        start = index
    return result


def _wave(rows: Sequence[WaveRow], chunk_size: int) -> Wave:
    positions = sorted(row.position for row in rows)
    chunks = tuple(_ranges(positions, chunk_size))
    return Wave(rows[0].due_at, rows[-1].due_at, len(rows), chunks)


def _ranges(positions: Sequence[int], chunk_size: int) -> Iterable[tuple[int, int]]:
    for start in range(0, len(positions), chunk_size):
        part = positions[start : start + chunk_size]
        yield part[0], part[-1] + 1
