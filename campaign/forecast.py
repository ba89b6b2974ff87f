"""When the messages of a campaign will leave, by its plan and the rates that hold it back.

The forecast grants segments as ``campaign.rates`` does. It does not know what other campaigns send
at the same time, nor how fast a carrier and a worker are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from campaign.instants import SECOND, Instant
from campaign.timeline import part_width

BUCKETS_MAX = 60


@dataclass(frozen=True, slots=True)
class Departure:
    """A message: when it is due, its segments, and the names of the rates that it is under."""

    due_at: Instant
    segments: int
    rates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate in segments per second that holds messages back beyond their plan."""

    what: str
    segments_per_second: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The first and the last departure, what delays others, and how many leave when.

    ``limits`` are ordered by how many messages they delay. ``timeline`` has pairs of an instant and
    the number of messages that leave from then until the next one, without empty stretches.
    """

    first_at: Instant
    last_at: Instant
    limits: tuple[Limit, ...]
    timeline: tuple[tuple[Instant, int], ...]


def forecast(
    departures: Iterable[Departure], rates: Mapping[str, float], now: Instant
) -> Forecast | None:
    """Simulate the departures, in the order in which they are due; None without any.

    ``rates`` are in segments per second, by name; a departure's name without one limits nothing.
    """
    free_at = dict.fromkeys(rates, float(now))
    delays: Counter[str] = Counter()
    left: list[Instant] = []
    for departure in sorted(departures, key=lambda each: each.due_at):
        due_at = max(now, departure.due_at)
        limited = [name for name in departure.rates if name in rates]
        starts = {name: max(free_at[name], float(due_at)) for name in limited}
        start = max(starts.values(), default=float(due_at))
        for name, own_start in starts.items():
            free_at[name] = own_start + departure.segments * SECOND / rates[name]
        if start >= due_at + 1:
            delays[max(limited, key=starts.__getitem__)] += 1
        left.append(int(start))
    if not left:
        return None
    left.sort()
    limits = tuple(Limit(name, rates[name]) for name, _ in delays.most_common())
    return Forecast(left[0], left[-1], limits, _timeline(left))


def _timeline(left: Sequence[Instant]) -> tuple[tuple[Instant, int], ...]:
    first, span = left[0], left[-1] - left[0]
    width = part_width(span, BUCKETS_MAX)
    counts = Counter((at - first) // width for at in left)
    return tuple((first + bucket * width, counts[bucket]) for bucket in sorted(counts))
