"""One attempt at one chunk: claim a window, send it, write the outcomes, claim again.

Three rules make it safe to die at any line:

1. A row is ``sending`` under this attempt's token, and committed so, before its first byte.
2. A request starts only while the row's lease still covers its whole deadline.
3. A row left ``sending`` is touched by another attempt only after its lease has ended; then the
   carrier's nature decides: repeat under the same reference, ask, or call it ``unknown``.

A repeat may be the first to arrive. So it is a send like any other: not for a number that has
opted out since, nor when the campaign is cancelled.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from activities.orders import ChunkResult
from campaign.failures import (
    DoubtfulHandoff,
    PermanentFailure,
    StoreUnavailable,
    TemporaryFailure,
)
from campaign.instants import SECOND, Instant
from campaign.ports import Carrier, ChunkRange, Handoff, Outcome, Repeats, SendingStore, Turn
from campaign.retry import next_try_at
from campaign.states import MessageStatus

# How long after its claim a request may still start; with the deadline it makes the lease.
START_WITHIN: Instant = 5 * SECOND
FLUSH_SECONDS = 0.1
DOUBT_WAIT_SECONDS = 0.5
STORE_WAITS_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0)

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SendingLimits:
    """How a chunk sends.

    ``window`` is how many messages may be between claim and answer at once;
    ``timeout_seconds`` bounds one request to the carrier; ``backoff_seconds`` are the waits
    before each retry of a message that the carrier put off; ``doubt_tries`` bounds how often a
    doubtful handoff is asked about or repeated before the message becomes ``unknown``.
    """

    window: int
    timeout_seconds: float
    backoff_seconds: tuple[float, ...]
    doubt_tries: int


@dataclass
class Chunk:
    """The state of one attempt at one chunk.

    With ``cancelled`` nothing may leave any more: it only finds out what had left.
    """

    store: SendingStore
    carrier: Carrier
    limits: SendingLimits
    range: ChunkRange
    token: str
    now: Callable[[], Instant]
    stop: asyncio.Event
    cancelled: bool = False
    _outcomes: list[Outcome] = field(default_factory=list)
    _under_way: int = 0
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _counts: dict[MessageStatus, int] = field(default_factory=dict)

    async def run(self) -> ChunkResult:
        """Work until the range has nothing more to claim, or until told to stop."""
        skipped = deferred = 0
        exhausted = self.cancelled
        async with asyncio.TaskGroup() as sends:
            self._under_way += 1
            sends.create_task(self._recover(sends))
            while True:
                claiming = not exhausted and not self.stop.is_set()
                room = self.limits.window - self._under_way if claiming else 0
                outcomes, self._outcomes = self._outcomes, []
                self._ended.clear()
                if outcomes or room > 0:
                    turn, start_by = await self._turn(outcomes, room)
                    exhausted = exhausted or turn.exhausted
                    skipped, deferred = skipped + turn.skipped, deferred + turn.deferred
                    for handoff in turn.claimed:
                        self._start(sends, self._send(handoff, start_by))
                if self._under_way:
                    await self._ended.wait()
                elif not self._outcomes and (exhausted or self.stop.is_set()):
                    break
        counts = {status.value: count for status, count in self._counts.items()}
        return ChunkResult(skipped=skipped, deferred=deferred, stopped=not exhausted, **counts)

    async def _turn(self, outcomes: list[Outcome], room: int) -> tuple[Turn, Instant]:
        """One transaction, and until when what it claimed may start.

        Writing an outcome again is harmless. A claim whose commit was lost from sight stays
        ``sending`` and unsent; like any row of a dead attempt it is taken up after its lease.
        """

        def turn(now: Instant) -> tuple[Turn, Instant]:
            turn = self.store.turn(self.range, self.token, outcomes, room, now, self._lease(now))
            return turn, now + START_WITHIN

        return await self._patiently(turn)

    async def _patiently(self, ask: Callable[[Instant], T]) -> T:
        """Ask the store in a thread; one that is away is waited for, answers under way kept."""
        for wait in STORE_WAITS_SECONDS:
            try:
                return await asyncio.to_thread(ask, self.now())
            except StoreUnavailable as error:
                logger.warning("the database is away (%s); waiting %s s", error, wait)
                await asyncio.sleep(wait)
        raise StoreUnavailable("the database stayed away")

    def _lease(self, now: Instant) -> Instant:
        return now + START_WITHIN + round(self.limits.timeout_seconds * SECOND)

    # ------------------------------------------------------------------ one message

    def _start(
        self, sends: asyncio.TaskGroup, sending: Coroutine[Any, Any, Outcome | None]
    ) -> None:
        self._under_way += 1
        sends.create_task(self._hand_over(sending))

    async def _hand_over(self, sending: Coroutine[Any, Any, Outcome | None]) -> None:
        try:
            outcome = await sending
            if outcome is not None:
                self._outcomes.append(outcome)
                self._counts[outcome.status] = self._counts.get(outcome.status, 0) + 1
        finally:
            self._one_ended()

    def _one_ended(self) -> None:
        """Wake the loop when half the window has ended, all of it has, or a moment passes."""
        self._under_way -= 1
        if self._under_way == 0 or len(self._outcomes) * 2 >= self.limits.window:
            self._ended.set()
        elif len(self._outcomes) == 1:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._ended.set)

    async def _send(self, handoff: Handoff, start_by: Instant) -> Outcome | None:
        if self.now() >= start_by:
            # The lease would end before the answer. Not a byte has left: it may be claimed anew.
            return self._outcome(
                handoff, MessageStatus.RETRYABLE, code="not_started", due_at=self.now()
            )
        try:
            acceptance = await self.carrier.send(handoff)
        except PermanentFailure as failure:
            return self._outcome(handoff, MessageStatus.FAILED, code=failure.code)
        except TemporaryFailure as failure:
            return self._put_off(handoff, failure)
        except DoubtfulHandoff as doubt:
            return await self._clear_doubt(handoff, doubt.code)
        return self._outcome(handoff, MessageStatus.SENT, carrier_id=acceptance.carrier_id)

    def _put_off(self, handoff: Handoff, failure: TemporaryFailure) -> Outcome:
        due_at = next_try_at(
            self.now(), handoff.attempt, self.limits.backoff_seconds, failure.retry_after
        )
        if due_at is None:
            return self._outcome(handoff, MessageStatus.FAILED, code=failure.code)
        return self._outcome(handoff, MessageStatus.RETRYABLE, code=failure.code, due_at=due_at)

    async def _clear_doubt(self, handoff: Handoff, code: str) -> Outcome | None:
        """Find out whether a message was taken, by what the carrier can do about repeats."""
        if self.carrier.repeats is Repeats.NONE:
            return self._outcome(handoff, MessageStatus.UNKNOWN, code=code)
        not_found = 0
        reachable = True
        for attempt in range(self.limits.doubt_tries):
            if attempt:
                await self._pause(DOUBT_WAIT_SECONDS * 2**attempt)
            repeats = self.carrier.repeats is Repeats.DEDUP
            if self.stop.is_set() and (attempt or repeats):
                return None  # Left ``sending``; the next chunk over it asks again.
            if not await self._patiently(
                lambda now: self.store.renew(
                    self.range, self.token, handoff.position, self._lease(now)
                )
            ):
                return None
            if repeats and not await self._may_leave(handoff):
                return self._outcome(handoff, MessageStatus.UNKNOWN, code=code)
            try:
                if repeats:
                    acceptance = await self.carrier.send(handoff)
                else:
                    found = await self.carrier.look_up(handoff)
                    if found is None:
                        # A request cut off just now may still be under way at the carrier:
                        # only a second no, a while later, is believed.
                        not_found += 1
                        if not_found < 2:
                            continue
                        return self._put_off(handoff, TemporaryFailure(code))
                    acceptance = found
            except PermanentFailure as failure:
                return self._outcome(handoff, MessageStatus.FAILED, code=failure.code)
            except TemporaryFailure:
                reachable = False
            except DoubtfulHandoff as failure:
                code, reachable = failure.code, True
            else:
                return self._outcome(handoff, MessageStatus.SENT, carrier_id=acceptance.carrier_id)
        # A carrier that cannot be reached may yet tell: the row stays ``sending`` until it does.
        return self._outcome(handoff, MessageStatus.UNKNOWN, code=code) if reachable else None

    async def _may_leave(self, handoff: Handoff) -> bool:
        if self.cancelled:
            return False
        return not await self._patiently(
            lambda now: self.store.wants_nothing(self.range.campaign_id, handoff.to)
        )

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not past a stop."""
        try:
            async with asyncio.timeout(seconds):
                await self.stop.wait()
        except TimeoutError:
            pass

    def _outcome(
        self,
        handoff: Handoff,
        status: MessageStatus,
        *,
        code: str | None = None,
        carrier_id: str | None = None,
        due_at: Instant | None = None,
    ) -> Outcome:
        return Outcome(
            position=handoff.position,
            attempt=handoff.attempt,
            status=status,
            at=self.now(),
            carrier_id=carrier_id,
            code=code,
            due_at=due_at,
        )

    # ------------------------------------------------------------------ dead attempts

    async def _adopt(self, positions: list[int]) -> list[int]:
        return await self._patiently(
            lambda now: self.store.adopt(self.range, self.token, positions, now, self._lease(now))
        )

    async def _recover(self, sends: asyncio.TaskGroup) -> None:
        """Take over what dead attempts left ``sending``, once their leases have ended."""
        try:
            while not self.stop.is_set():
                rows, lease_until = await self._patiently(
                    lambda now: self.store.abandoned(self.range, self.token)
                )
                if not rows or lease_until is None:
                    break
                now = self.now()
                if lease_until >= now:
                    await self._pause((lease_until - now + 1) / SECOND)
                    continue
                left = {row.position: row for row in rows}
                for position in await self._adopt(list(left)):
                    self._start(sends, self._clear_doubt(left[position], "interrupted"))
                break
        finally:
            self._one_ended()
