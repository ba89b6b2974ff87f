"""A model of a carrier: it remembers what it took, and goes wrong as it is told to."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from campaign.failures import DoubtfulHandoff, PermanentFailure, TemporaryFailure
from campaign.handoffs import Acceptance, Handoff, Repeats
from campaign.instants import Instant
from tests.core.faults import Fate
from tests.core.leaping import LeapingLoop

DEADLINE_SECONDS = 10.0
TRANSIT_SECONDS = 0.01
# A request cut off arrives within this, or never: before anybody asks about it a second time.
LATE_SECONDS = 0.9
_DOWN = {Fate.UNREACHABLE, Fate.PUT_OFF, Fate.PUT_OFF_LONG, Fate.LOST, Fate.REFUSED}


@dataclass(frozen=True, slots=True)
class Accepted:
    """One acceptance; ``begun_at`` is when its request began."""

    carrier_id: str
    reference: str
    to: str
    begun_at: Instant
    at: Instant


@dataclass
class ModelCarrier:
    """A :class:`campaign.handoffs.Carrier` in memory.

    ``tell`` is called in the middle of a request whose fate is more than the carrier's business.
    """

    repeats: Repeats
    loop: LeapingLoop
    tell: Callable[[Fate, Handoff], None]
    name: str = "model"
    log: list[Accepted] = field(default_factory=list)
    under_way: dict[str, int] = field(default_factory=dict)
    _fates: Iterator[Fate] = field(default_factory=lambda: iter(()))

    def suffer(self, fates: Iterable[Fate]) -> None:
        """Say what becomes of the next requests; after these all are taken."""
        self._fates = iter(fates)

    def accepted(self, reference: str) -> list[Accepted]:
        """What was taken under a reference."""
        return [one for one in self.log if one.reference == reference]

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        fate, begun_at = next(self._fates, Fate.TAKEN), self.loop.now()
        if fate is Fate.UNREACHABLE:
            raise TemporaryFailure("no_connection")
        if fate in (Fate.CRASH_BEFORE, Fate.CRASH_UNDER_WAY):
            if fate is Fate.CRASH_UNDER_WAY:
                self._take_later(handoff, begun_at)
            self.tell(fate, handoff)
        try:
            await asyncio.sleep(3.0 if fate is Fate.SLOW else TRANSIT_SECONDS)
        except asyncio.CancelledError:
            # The worker is gone; what it had written to the wire is not.
            self._take_later(handoff, begun_at)
            raise
        known = self.repeats is Repeats.DEDUP and bool(self.accepted(handoff.reference))
        if fate in (Fate.PUT_OFF, Fate.PUT_OFF_LONG):
            raise TemporaryFailure("busy", 3600.0 if fate is Fate.PUT_OFF_LONG else 7.0)
        # A carrier that knows the message, or is just getting it, does not refuse it.
        if fate is Fate.REFUSED and not known and not self.under_way.get(handoff.reference):
            raise PermanentFailure("invalid_number")
        if fate is Fate.LATE:
            self._take_later(handoff, begun_at)
            raise DoubtfulHandoff("connection_lost")
        if fate is Fate.LOST:
            await asyncio.sleep(DEADLINE_SECONDS - TRANSIT_SECONDS)
            raise DoubtfulHandoff("timeout")
        accepted = self._take(handoff, begun_at)
        if fate is Fate.UNANSWERED:
            await asyncio.sleep(DEADLINE_SECONDS - TRANSIT_SECONDS)
            raise DoubtfulHandoff("timeout")
        self.tell(fate, handoff)
        await asyncio.sleep(TRANSIT_SECONDS)
        return Acceptance(accepted.carrier_id)

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`."""
        assert self.repeats is Repeats.LOOKUP, "this carrier cannot be asked"
        fate = next(self._fates, Fate.TAKEN)
        await asyncio.sleep(TRANSIT_SECONDS)
        if fate in _DOWN:
            raise TemporaryFailure("no_connection")
        found = self.accepted(handoff.reference)
        return Acceptance(found[0].carrier_id) if found else None

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""

    def _take(self, handoff: Handoff, begun_at: Instant) -> Accepted:
        known = self.accepted(handoff.reference)
        if known and self.repeats is Repeats.DEDUP:
            return known[0]
        one = Accepted(
            f"c{len(self.log)}", handoff.reference, handoff.to, begun_at, self.loop.now()
        )
        self.log.append(one)
        return one

    def _take_later(self, handoff: Handoff, begun_at: Instant) -> None:
        reference = handoff.reference
        self.under_way[reference] = self.under_way.get(reference, 0) + 1

        def arrive() -> None:
            self.under_way[reference] -= 1
            self._take(handoff, begun_at)

        self.loop.call_later(LATE_SECONDS, arrive)
