"""When the messages of a campaign will leave, by its plan and the rates that hold it back.

The forecast grants segments as ``campaign.rates`` does, puts off to the next open hour what the
rates hold back beyond a closing, and skips what they hold back beyond the expiry, as a claim does.
It does not know what other campaigns send at the same time, nor how fast a carrier and a worker
are.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

from campaign.instants import DAY, HOUR, INSTANT_MAX, MINUTE, SECOND, Instant
from campaign.open_hours import OpenHours
from campaign.rates import (
    ASK_AHEAD,
    MILLISECOND,
    SLICE,
    campaign_scope,
    carrier_scope,
    sender_scope,
)
from campaign.sending_windows import EXPIRED, OUTSIDE_WINDOW
from campaign.timeline import part_width

BUCKETS_MAX = 60


@dataclass(frozen=True, slots=True)
class Departure:
    """A message: when it is due, its segments, and the names of the rates that it is under.

    It may stand for several that are alike: ``messages`` are due evenly from ``due_at`` to
    ``until``, and ``segments`` is their sum. It leaves within ``open_at`` alone; what comes too
    late for that waits for the next opening, or never leaves if it ``skips``.
    """

    due_at: Instant
    segments: int
    rates: tuple[str, ...]
    messages: int = 1
    until: Instant = 0
    open_at: OpenHours | None = None
    skips: bool = False

    def split(
        self, start: float, end: float, expires_at: Instant
    ) -> "tuple[Departure, Departure | None]":
        """Those that leave before the closing or the expiry, and the others.

        They leave evenly from ``start``, which is open and not expired, to ``end``.
        """
        closes = expires_at
        if self.open_at is not None:
            closes = min(closes, self.open_at.open_until(int(start)))
        if self.messages == 1 or end <= closes:
            return self, None
        count = min(self.messages - 1, math.ceil(self.messages * (closes - start) / (end - start)))
        segments = round(self.segments * count / self.messages)
        first = replace(self, messages=count, segments=segments, until=min(self.until, closes))
        left, others = self.messages - count, self.segments - segments
        return first, replace(self, due_at=closes, messages=left, segments=others)


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


@dataclass(frozen=True, slots=True)
class Skip:
    """How many messages of a departure, by its index, never leave, and the reason."""

    index: int
    messages: int
    reason: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """What becomes of departures: the forecast, None if nothing leaves, and what never leaves."""

    forecast: Forecast | None
    skips: tuple[Skip, ...]

    @property
    def expired(self) -> int:
        """How many messages do not leave before the expiry."""
        return sum(skip.messages for skip in self.skips if skip.reason == EXPIRED)


@dataclass(frozen=True, slots=True)
class Limits:
    """The rates that hold for a campaign: by name, and the names for each of its senders."""

    rates: Mapping[str, float]
    names: Mapping[str, tuple[str, ...]]

    def longest(self, segments: Mapping[str, int]) -> tuple[Instant, Limit] | None:
        """How many milliseconds so many segments of each sender take at least, and what limits.

        None where no rate applies.
        """
        loads: Counter[str] = Counter()
        for sender, count in segments.items():
            loads.update(dict.fromkeys(self.names[sender], count))
        takes = {name: math.ceil(SECOND * load / self.rates[name]) for name, load in loads.items()}
        if not takes:
            return None
        name = max(takes, key=takes.__getitem__)
        return takes[name], Limit(name, self.rates[name])


NO_LIMITS = Limits({}, {})


def limits_of(
    account_id: str,
    senders: Collection[str],
    routes: Mapping[str | None, Sequence[str]],
    rates: Mapping[str, float],
    campaign_id: str | None = None,
    sandbox: bool = False,
    via: str | None = None,
) -> Limits:
    """Find the rates of senders, of the carriers that come first for them, and of a campaign.

    ``routes`` are the carriers by sender, those of every other sender under None; ``rates`` are by
    scope. ``via`` is the carrier of all of them if a retry chose one. In the ``sandbox`` only the
    campaign's own rate counts.
    """
    known: dict[str, float] = {}
    names: dict[str, tuple[str, ...]] = {}
    for sender in senders:
        carrier = via or (routes.get(sender) or routes[None])[0]
        scopes = {}
        if not sandbox:
            scopes[f"sender {sender}"] = sender_scope(account_id, sender)
            scopes[f"carrier {carrier}"] = carrier_scope(carrier)
        if campaign_id is not None:
            scopes["campaign"] = campaign_scope(campaign_id)
        limited = {name: rates[scope] for name, scope in scopes.items() if scope in rates}
        known.update(limited)
        names[sender] = tuple(limited)
    return Limits(known, names)


def short_spread(
    hours: float, segments: Mapping[str, int], limits: Limits
) -> tuple[str, dict[str, object]] | None:
    """The fault of a spread in which so many segments of each sender cannot leave, or None.

    Returns a sentence with its values: the seconds that are needed, the rate in segments per
    second, and whether it is that of a sender, a carrier or the campaign.
    """
    longest = limits.longest(segments)
    if hours <= 0 or longest is None or longest[0] <= hours * HOUR:
        return None
    needed, limit = longest
    rate = limit.segments_per_second
    text = (
        f"needs {in_words(needed)} at {rate:g} segments/s; the spread is "
        f"{in_words(round(hours * HOUR))}"
    )
    return text, {
        "neededSeconds": math.ceil(needed / SECOND),
        "segmentsPerSecond": rate,
        "limitedBy": limit.what.split(" ")[0],
    }


def in_words(length: Instant) -> str:
    """A length of time in its two largest units, rounded up: "3 h 12 m"."""
    for large, small, names in ((DAY, HOUR, "dh"), (HOUR, MINUTE, "hm"), (MINUTE, SECOND, "ms")):
        if length >= large:
            count, rest = divmod(-(-length // small) * small, large)
            rest_in_words = f" {rest // small} {names[1]}" if rest else ""
            return f"{count} {names[0]}{rest_in_words}"
    return f"{-(-length // SECOND)} s"


def simulate(
    departures: Iterable[Departure],
    rates: Mapping[str, float],
    now: Instant,
    expires_at: Instant | None = None,
) -> Simulation:
    """Simulate the departures, in the order in which they are due.

    ``rates`` are in segments per second, by name; a departure's name without one limits nothing.
    Nothing leaves at ``expires_at`` or later.
    """
    expires_at = INSTANT_MAX + 1 if expires_at is None else expires_at
    free_at = dict.fromkeys(rates, float(now))
    delays: Counter[str] = Counter()
    left: Counter[Instant] = Counter()
    skips: list[Skip] = []
    last_at = now
    waiting = [(max(now, each.due_at), index, each) for index, each in enumerate(departures)]
    heapify(waiting)
    while waiting:
        due_at, index, departure = heappop(waiting)
        limited = [name for name in departure.rates if name in rates]
        starts = {name: max(free_at[name], float(due_at)) for name in limited}
        start = max(starts.values(), default=float(due_at))
        if start >= expires_at:
            skips.append(Skip(index, departure.messages, EXPIRED))
            continue
        if departure.open_at is not None:
            opens_at = departure.open_at.next_open(int(start))
            if opens_at != int(start):
                if opens_at is None or departure.skips:
                    skips.append(Skip(index, departure.messages, OUTSIDE_WINDOW))
                else:
                    heappush(waiting, (opens_at, index, departure))
                if start >= due_at + 1:
                    delays[max(limited, key=starts.__getitem__)] += departure.messages
                continue
        slowest = max((SECOND / rates[name] for name in limited), default=0.0)
        all_left = max(float(departure.until), start + departure.segments * slowest)
        departure, rest = departure.split(start, all_left, expires_at)
        if rest is not None:
            heappush(waiting, (rest.due_at, index, rest))
        until, each = max(due_at, departure.until), departure.segments / departure.messages
        end = max(start, float(until))
        # A rate that waits for another is charged from when the message asks for both again.
        asks_at = start - ASK_AHEAD / MILLISECOND if start - due_at >= SLICE / MILLISECOND else 0.0
        for name, own_start in starts.items():
            takes = departure.segments * SECOND / rates[name]
            used = max(own_start, asks_at) + takes
            free_at[name] = max(used, until + each * SECOND / rates[name])
            end = max(end, start + takes - each * SECOND / rates[name])
        if start >= due_at + 1 or end >= until + 1:
            blocking = starts if start >= due_at + 1 else free_at
            delays[max(limited, key=blocking.__getitem__)] += departure.messages
        left[int(start)] += departure.messages
        last_at = max(last_at, int(end))
    limits = tuple(Limit(name, rates[name]) for name, _ in delays.most_common())
    return Simulation(_forecast(left, last_at, limits), tuple(skips))


def _forecast(
    left: Mapping[Instant, int], last: Instant, limits: tuple[Limit, ...]
) -> Forecast | None:
    if not left:
        return None
    first = min(left)
    return Forecast(first, last, limits, _timeline(left, first, last))


def _timeline(
    left: Mapping[Instant, int], first: Instant, last: Instant
) -> tuple[tuple[Instant, int], ...]:
    width = part_width(last - first, BUCKETS_MAX)
    counts: Counter[int] = Counter()
    for at, count in left.items():
        counts[(at - first) // width] += count
    return tuple((first + bucket * width, counts[bucket]) for bucket in sorted(counts))
