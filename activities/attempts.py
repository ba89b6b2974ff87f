"""One claimed message on its way to an outcome: sent, put off, failed, or in doubt."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from activities.breaker import Breaker
from activities.carriers import Carriers
from activities.sending_metrics import count_outcome
from activities.store_retry import retry_while_unavailable
from campaign.failures import (
    CarrierFailure,
    DoubtfulHandoff,
    NotStarted,
    PermanentFailure,
    TemporaryFailure,
)
from campaign.handoffs import Acceptance, Carrier, Forgetful, Handoff, Repeats
from campaign.instants import SECOND, Instant
from campaign.people import ERASED
from campaign.ports import ChunkRange, Outcome, SendingStore
from campaign.retry import NOT_ACCEPTED, next_try_at
from campaign.routing import ABOUT_RECIPIENT
from campaign.states import MessageStatus

# How long after its claim a request may still start; with the deadline it makes the lease.
START_WITHIN: Instant = 5 * SECOND
UNKNOWN_WAIT_SECONDS = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SendingLimits:
    """How a chunk sends.

    ``window`` is how many messages may be between claim and answer at once;
    ``timeout_seconds`` bounds one request to the carrier; ``backoff_seconds`` are the waits
    before each retry of a message that the carrier put off; ``unknown_tries`` bounds how often a
    doubtful handoff is asked about or repeated before the message becomes ``unknown``.
    """

    window: int
    timeout_seconds: float
    backoff_seconds: tuple[float, ...]
    unknown_tries: int


class Start:
    """Whether a request may start: until ``by``; ``at`` is when it last was allowed to."""

    def __init__(self, now: Callable[[], Instant], by: Instant) -> None:
        self._now = now
        self._by = by
        self.at: Instant | None = None

    def allowed(self) -> bool:
        """Tell whether the lease still covers the whole deadline of a request that starts now."""
        now = self._now()
        if now >= self._by:
            return False
        self.at = now
        return True


@dataclass
class Attempts:
    """What the attempts of one chunk have in common.

    With ``cancelled`` nothing may leave any more: it is only found out what had left. ``parked``
    messages only wait for the end of their exchange; ``changed`` is set when there are more.
    """

    store: SendingStore
    carriers: Carriers
    breaker: Breaker
    limits: SendingLimits
    range: ChunkRange
    token: str
    now: Callable[[], Instant]
    stop: asyncio.Event
    cancelled: bool = False
    parked: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def lease(self, now: Instant) -> Instant:
        """Until when a row that is claimed now belongs to nobody else."""
        return now + START_WITHIN + self.deadline

    @property
    def deadline(self) -> Instant:
        """The longest that one exchange with a carrier lasts."""
        return round(self.limits.timeout_seconds * SECOND)

    async def retry_while_unavailable(self, ask: Callable[[Instant], T]) -> T:
        """Ask the store; one that is away is waited for."""
        return await retry_while_unavailable(ask, self.now)

    async def send(self, handoff: Handoff, start_by: Instant) -> Outcome | None:
        """Send a message that was claimed just now, by ``start_by`` at the latest.

        None when it stays ``sending``, because nobody can tell yet whether it left.
        """
        if handoff.start_at:
            await asyncio.sleep((handoff.start_at - self.now()) / SECOND)
        start = Start(self.now, min(start_by, handoff.leave_by))
        try:
            if any(self._can_look_up(earlier.carrier) for earlier in handoff.earlier):
                taken = await self._accepted_earlier(handoff)
                if taken is not None:
                    return taken
                renewed = await self._renew(handoff)
                if renewed is None:
                    return None
                start = renewed
            acceptance = await self._try(handoff, start)
        except NotStarted as failure:
            # The lease would end before the answer. Not a byte has left: it may be claimed anew.
            return self._again(handoff, failure.code, self.now())
        except PermanentFailure as failure:
            return self._refused(handoff, failure)
        except TemporaryFailure as failure:
            return self._put_off(handoff, failure)
        except DoubtfulHandoff as unknown:
            ended_by = (self.now() if start.at is None else start.at) + self.deadline
            return await self.resolve_unknown(handoff, unknown.code, ended_by)
        return self._outcome(handoff, MessageStatus.SENT, carrier_id=acceptance.carrier_id)

    async def _accepted_earlier(self, handoff: Handoff) -> Outcome | None:
        """Look up the earlier tries: a carrier may have accepted one without our knowledge."""
        for earlier in handoff.earlier:
            carrier = self.carriers.named(earlier.carrier)
            if carrier is not None and self._can_look_up(earlier.carrier):
                then = replace(handoff, carrier=earlier.carrier, attempted_at=earlier.at)
                if (found := await carrier.look_up(then)) is not None:
                    return self._outcome(
                        handoff,
                        MessageStatus.SENT,
                        carrier_id=found.carrier_id,
                        carrier=earlier.carrier,
                    )
        return None

    def _can_look_up(self, name: str) -> bool:
        carrier = self.carriers.named(name)
        return carrier is not None and carrier.repeats is Repeats.LOOKUP

    async def _try(self, handoff: Handoff, start: Start) -> Acceptance:
        """One request; how it went also tells of the carrier's health."""
        if not start.allowed():
            raise NotStarted
        try:
            handoff.may_start = start.allowed
            acceptance = await self.carriers.send(handoff)
        except NotStarted:
            raise
        except CarrierFailure as failure:
            await self.breaker.failed(handoff.carrier, failure, self.now())
            raise
        await self.breaker.answered(handoff.carrier)
        return acceptance

    def _refused(self, handoff: Handoff, failure: PermanentFailure) -> Outcome:
        """A no for good; of a carrier that does not blame the recipient, the next one is asked."""
        if handoff.more and failure.code not in ABOUT_RECIPIENT:
            return self._again(handoff, failure.code, self.now())
        return self._outcome(handoff, MessageStatus.FAILED, code=failure.code)

    def _put_off(self, handoff: Handoff, failure: TemporaryFailure) -> Outcome:
        now, waits = self.now(), self.limits.backoff_seconds
        if handoff.more:
            return self._again(handoff, failure.code, now)
        due_at = next_try_at(now, handoff.round, waits, failure.retry_after)
        if due_at is None and waits and self.breaker.is_down(handoff.carrier):
            # It is not this message that the carrier does not want.
            due_at = next_try_at(now, len(waits), waits, failure.retry_after)
        if due_at is None:
            return self._outcome(handoff, MessageStatus.FAILED, code=failure.code)
        return self._again(handoff, failure.code, due_at)

    def _again(self, handoff: Handoff, code: str, due_at: Instant) -> Outcome:
        return self._outcome(handoff, MessageStatus.RETRYABLE, code=code, due_at=due_at)

    async def resolve_unknown(
        self, handoff: Handoff, code: str, ended_by: Instant = 0
    ) -> Outcome | None:
        """Find out whether a message was taken, by what the carrier can do about repeats.

        ``ended_by`` is when its exchange ended at the latest. None when it stays ``sending``: the
        next chunk over it asks again.
        """
        carrier = self.carriers.named(handoff.carrier)
        erased = handoff.to == ERASED
        if carrier is None or carrier.repeats is Repeats.NONE or erased:
            return self._outcome(handoff, MessageStatus.UNKNOWN, code=code)
        repeats = carrier.repeats is Repeats.DEDUP
        reachable = True
        for attempt in range(self.limits.unknown_tries):
            if attempt:
                await self.pause(UNKNOWN_WAIT_SECONDS * 2**attempt)
            if self.stop.is_set() and (attempt or repeats):
                return None
            start = await self._renew(handoff)
            if start is None or not await self.breaker.admits(handoff.carrier, self.now()):
                return None
            if repeats and await self._is_held():
                return None  # As at a stop: a repeat may be the first to arrive.
            if repeats and (
                self._is_forgotten(carrier, handoff) or not await self._may_leave(handoff)
            ):
                return self._outcome(handoff, MessageStatus.UNKNOWN, code=code)
            try:
                if repeats:
                    acceptance = await self._try(handoff, start)
                else:
                    found = await self._look_up(carrier, handoff, ended_by)
                    if found is None:
                        if self.now() < ended_by:
                            return None
                        return self._put_off(handoff, TemporaryFailure(NOT_ACCEPTED))
                    acceptance = found
            except PermanentFailure as failure:
                return self._outcome(handoff, MessageStatus.FAILED, code=failure.code)
            except NotStarted:
                continue
            except TemporaryFailure:
                reachable = False
            except DoubtfulHandoff as failure:
                code, reachable = failure.code, True
            else:
                return self._outcome(handoff, MessageStatus.SENT, carrier_id=acceptance.carrier_id)
        # A carrier that cannot be reached may yet tell: the row stays ``sending`` until it does.
        return self._outcome(handoff, MessageStatus.UNKNOWN, code=code) if reachable else None

    async def _look_up(
        self, carrier: Carrier, handoff: Handoff, ended_by: Instant
    ) -> Acceptance | None:
        """Ask a carrier for a message; a no counts only after the end of the exchange.

        A request that was cut off may still be on its way at the carrier. The wait for its end
        leaves the window to other messages.
        """
        found = await carrier.look_up(handoff)
        await self.breaker.answered(handoff.carrier)
        left = ended_by - self.now()
        if found is not None or left <= 0:
            return found
        self.parked += 1
        self.changed.set()
        try:
            await self.pause((left + 1) / SECOND)
        finally:
            self.parked -= 1
        return None if self.now() < ended_by else await carrier.look_up(handoff)

    async def _renew(self, handoff: Handoff) -> Start | None:
        """Lengthen the lease of a message; until when it may start, None when it was lost."""
        start_by = 0

        def renew(now: Instant) -> bool:
            nonlocal start_by
            start_by = now + START_WITHIN
            return self.store.renew(self.range, self.token, handoff.position, self.lease(now))

        renewed = await self.retry_while_unavailable(renew)
        return Start(self.now, min(start_by, handoff.leave_by)) if renewed else None

    async def _is_held(self) -> bool:
        """Tell whether the store lets nothing leave now; of a cancelled campaign nothing does."""
        campaign_id = self.range.campaign_id
        return not self.cancelled and bool(
            await self.retry_while_unavailable(lambda now: self.store.brake(campaign_id))
        )

    def _is_forgotten(self, carrier: Carrier, handoff: Handoff) -> bool:
        """Tell whether the carrier may no longer know the reference of a try that it took."""
        if not isinstance(carrier, Forgetful):
            return False
        return self.now() + self.deadline >= handoff.attempted_at + carrier.dedup_window

    async def _may_leave(self, handoff: Handoff) -> bool:
        if self.cancelled:
            return False
        return not await self.retry_while_unavailable(
            lambda now: self.store.wants_nothing(self.range.campaign_id, handoff.to)
        )

    async def pause(self, seconds: float) -> None:
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
        carrier: str | None = None,
    ) -> Outcome:
        count_outcome(status, carrier or handoff.carrier, code)
        return Outcome(
            position=handoff.position,
            attempt=handoff.attempt,
            status=status,
            at=self.now(),
            carrier_id=carrier_id,
            code=code,
            due_at=due_at,
            carrier=carrier,
        )
