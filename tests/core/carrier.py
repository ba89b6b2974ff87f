"""A model of a carrier and its client: it remembers what it took, and goes wrong on demand."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

from campaign.failures import DoubtfulHandoff, NotStarted, PermanentFailure, TemporaryFailure
from campaign.handoffs import Acceptance, Handoff, Repeats
from campaign.instants import Instant
from tests.core.faults import CRASHES, Crash, Fate
from tests.core.leaping import LeapingLoop, Time

DEADLINE_SECONDS = 10.0
TRANSIT_SECONDS = 0.01
# When a carrier books what it got over a connection that is gone, counted from the first byte. It
# has the deadline of the exchange for it. A later booking is found by the look-up before the next
# send, and what happens to the message without a next send is beyond us.
ACCEPTS_AFTER = {
    Fate.LATE: 0.9,
    Fate.LATER: 3.0,
    Fate.LATEST: 9.9,
    Fate.TOO_LATE: 12.0,
    Fate.LATEST_UNANSWERED: 9.9,
    Fate.CRASH_UNDER_WAY: 0.9,
    Fate.CRASH_LATEST: 9.9,
    Fate.SLOW: 3.0,
}
_CUT_OFF = {Fate.LATE, Fate.LATER, Fate.LATEST, Fate.TOO_LATE}
_UNANSWERED = {Fate.UNANSWERED, Fate.LATEST_UNANSWERED, *CRASHES}
_DOWN = {Fate.UNREACHABLE, Fate.PUT_OFF, Fate.PUT_OFF_LONG, Fate.LOST, Fate.REFUSED}


@dataclass(frozen=True, slots=True)
class Accepted:
    """One acceptance; ``begun_at`` is the instant of the first byte.

    ``was_frozen`` says that the process that sent it had been frozen.
    """

    carrier_id: str
    reference: str
    to: str
    begun_at: Instant
    at: Instant
    was_frozen: bool


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that has left: the carrier gets it, whatever happens to the process."""

    handoff: Handoff
    fate: Fate
    loop: LeapingLoop
    begun_at: Instant
    answer: "asyncio.Future[Acceptance]"


@dataclass
class ModelCarrier:
    """A :class:`campaign.handoffs.Carrier` in memory.

    ``meanwhile`` is called in the middle of a request whose fate concerns more than the carrier.
    """

    repeats: Repeats
    time: Time
    meanwhile: Callable[[Fate, Handoff, LeapingLoop], None]
    name: str = "model"
    log: list[Accepted] = field(default_factory=list)
    under_way: dict[str, int] = field(default_factory=dict)
    too_late: set[str] = field(default_factory=set)
    _fates: Iterator[Fate] = field(default_factory=lambda: iter(()))

    def suffer(self, fates: Iterable[Fate]) -> None:
        """Set the fates of the next requests; after these all are taken."""
        self._fates = iter(fates)

    def accepted(self, reference: str) -> list[Accepted]:
        """What was taken under a reference."""
        return [one for one in self.log if one.reference == reference]

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        fate, loop = next(self._fates, Fate.TAKEN), _running_loop()
        if fate is Fate.UNREACHABLE:
            raise TemporaryFailure("no_connection")
        if fate is Fate.CRASH_BEFORE:
            self.meanwhile(fate, handoff, loop)
            raise Crash
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await asyncio.sleep(TRANSIT_SECONDS)  # It connects.
                if not handoff.may_start():
                    raise NotStarted
                request = _Request(handoff, fate, loop, self.time.now(), loop.create_future())
                self.time.call_later(TRANSIT_SECONDS, lambda: self._receive(request))
                return await request.answer
        except TimeoutError:
            raise DoubtfulHandoff("timeout") from None

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`."""
        assert self.repeats is Repeats.LOOKUP, "this carrier cannot be asked"
        fate = next(self._fates, Fate.TAKEN)
        await asyncio.sleep(TRANSIT_SECONDS)
        if fate in _DOWN:
            raise TemporaryFailure("no_connection")
        found = self.accepted(handoff.reference)
        await asyncio.sleep(TRANSIT_SECONDS)
        return Acceptance(found[0].carrier_id) if found else None

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""

    def _receive(self, request: _Request) -> None:
        """The carrier has the whole request: it refuses it, books it, or books it later."""
        fate, handoff = request.fate, request.handoff
        known = self.repeats is Repeats.DEDUP and bool(self.accepted(handoff.reference))
        # A carrier that knows the message, or is just getting it, does not refuse it.
        known_soon = known or bool(self.under_way.get(handoff.reference))
        if fate in (Fate.PUT_OFF, Fate.PUT_OFF_LONG):
            wait = 3600.0 if fate is Fate.PUT_OFF_LONG else 7.0
            _fail(request.answer, TemporaryFailure("busy", wait))
        elif fate is Fate.REFUSED and not known_soon:
            _fail(request.answer, PermanentFailure("invalid_number"))
        elif fate is not Fate.LOST:
            self._accept_in_time(request)

    def _accept_in_time(self, request: _Request) -> None:
        reference, fate = request.handoff.reference, request.fate
        if fate in _CUT_OFF:
            _fail(request.answer, DoubtfulHandoff("connection_lost"))
        elif fate in (Fate.CRASH_UNDER_WAY, Fate.CRASH_LATEST):
            self.meanwhile(fate, request.handoff, request.loop)
        if fate not in ACCEPTS_AFTER:
            self._accept(request)
            return
        if fate is Fate.TOO_LATE:
            self.too_late.add(reference)
        self.under_way[reference] = self.under_way.get(reference, 0) + 1

        def accept() -> None:
            self.under_way[reference] -= 1
            self._accept(request)

        self.time.call_later(ACCEPTS_AFTER[fate] - TRANSIT_SECONDS, accept)

    def _accept(self, request: _Request) -> None:
        """Accept a message, or find the acceptance that it has, and answer."""
        handoff, known = request.handoff, self.accepted(request.handoff.reference)
        if not known or self.repeats is not Repeats.DEDUP:
            one = Accepted(
                f"c{len(self.log)}",
                handoff.reference,
                handoff.to,
                request.begun_at,
                self.time.now(),
                request.loop.was_frozen,
            )
            self.log.append(one)
            known = [one]
        if request.fate not in ACCEPTS_AFTER:
            self.meanwhile(request.fate, handoff, request.loop)
        if request.fate not in _UNANSWERED:
            answer = Acceptance(known[0].carrier_id)
            self.time.call_later(TRANSIT_SECONDS, lambda: _answer(request.answer, answer))


def _running_loop() -> LeapingLoop:
    return cast(LeapingLoop, asyncio.get_running_loop())


def _answer(future: "asyncio.Future[Acceptance]", acceptance: Acceptance) -> None:
    if not future.done():
        future.set_result(acceptance)


def _fail(future: "asyncio.Future[Acceptance]", failure: Exception) -> None:
    if not future.done():
        future.set_exception(failure)
