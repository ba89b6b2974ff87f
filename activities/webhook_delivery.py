"""Call one destination with the callbacks due there: each at least once, none forgotten."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable, Sequence

from temporalio import activity

from activities.clock import Clock, Clocks
from activities.heartbeat import heartbeating
from activities.records import DeliverInput, DeliverResult
from campaign.deliveries import (
    ClaimedDelivery,
    DeliveryOutcome,
    DeliverySender,
    DeliveryStatus,
    DeliveryStore,
    DeliveryUpdate,
    DeliveryVerdict,
    update_after,
)
from campaign.events import CALLBACK_LIFE, RETRY_AFTER_MAX
from campaign.failures import StoreUnavailable
from campaign.instants import SECOND, Instant
from telemetry.logs import get_logger
from telemetry.metrics import WEBHOOK_DELIVERIES

log = get_logger("godwit.activities")

# So many calls of one destination are under way at once.
CALLS_AT_ONCE = 4
# No call is begun later than this in one activity, so that no destination keeps its place.
CALLING_SECONDS = 30.0


class WebhookDeliveries:
    """The activity that calls; ``deadline_seconds`` bounds one call of the caller."""

    def __init__(
        self,
        store: DeliveryStore,
        delivery_sender: DeliverySender,
        deadline_seconds: float,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._sender = delivery_sender
        self.clocks = Clocks()
        self._jitter = jitter
        # Twice the deadline: the rendering and the writing want some of it, too.
        self._lease: Instant = round((2 * deadline_seconds + 5) * SECOND)

    @activity.defn
    async def deliver(self, input: DeliverInput) -> DeliverResult:
        """Call what is due at a destination, and say when there is more to do.

        Each result is written as soon as it is there. A destination that does not answer, or
        asks for a rest, is outcome no further. Run again after a crash, what was claimed comes
        again at the end of its lease, under the same id: told twice perhaps, but never lost.
        Told to stop (the worker goes down) it begins no further call; cut off in the midst of
        calls, it still writes what was answered.
        """
        info = activity.info()
        token = f"{info.workflow_run_id}:{info.activity_id}:{info.attempt}"
        stop = asyncio.Event()
        async with heartbeating(stop):
            return await _Round(self, input, token, stop).run()

    async def attempt(
        self, call: ClaimedDelivery, clock: Clock
    ) -> tuple[DeliveryUpdate, DeliveryOutcome]:
        """Call one claimed callback and decide what is to be written of it.

        An unexpected error is one failed try of this callback, and stops no other. Raises
        StoreUnavailable.
        """
        try:
            outcome = await self._sender.deliver(call.callback_id, clock.now())
        except StoreUnavailable:
            raise
        except Exception as error:
            log.error("a callback failed", callback=call.callback_id, exc_info=error)
            outcome = DeliveryOutcome(DeliveryVerdict.FAILED, "unexpected")
        return update_after(call, outcome, clock.now(), self._jitter()), outcome

    async def flush_and_claim(
        self,
        destination: str,
        token: str,
        updates: Sequence[DeliveryUpdate],
        count: int,
        now: Instant,
    ) -> Sequence[ClaimedDelivery]:
        """Write updates and claim, in a thread."""
        return await asyncio.to_thread(
            self._store.flush_and_claim, destination, token, updates, count, now, now + self._lease
        )

    async def look_ahead(self, destination: str, overloaded: bool, now: Instant) -> Instant | None:
        """When there is more to do; behind a tired destination, old callbacks are given up."""
        if overloaded:
            since = now - CALLBACK_LIFE
            await asyncio.to_thread(self._store.give_up, destination, since, now)
        return await asyncio.to_thread(self._store.next_due, destination)


class _Round:
    """One activity's calls: a few under way at a time, as many again as have ended."""

    def __init__(
        self, deliveries: WebhookDeliveries, input: DeliverInput, token: str, stop: asyncio.Event
    ) -> None:
        self._deliveries = deliveries
        self._order = input
        self._token = token
        self._stop = stop
        self._clock = deliveries.clocks.clock()
        self._until = self._clock.now() + round(CALLING_SECONDS * SECOND)
        self._under_way: set[asyncio.Task[tuple[DeliveryUpdate, DeliveryOutcome]]] = set()
        self._unwritten: list[DeliveryUpdate] = []
        self._calls = 0
        self._delivered = 0
        self._overloaded = False
        self._rest_until: Instant | None = None

    async def run(self) -> DeliverResult:
        try:
            await self._call_all()
        except BaseException:
            await self._break_off()
            raise
        next_due_at = await self._deliveries.look_ahead(
            self._order.destination, self._overloaded, self._clock.now()
        )
        return DeliverResult(
            calls=self._calls,
            delivered=self._delivered,
            next_due_at=next_due_at,
            overloaded=self._overloaded,
            rest_until=self._rest_until,
        )

    async def _call_all(self) -> None:
        while True:
            wanted = self._wanted()
            claimed: Sequence[ClaimedDelivery] = []
            if self._unwritten or wanted:
                claimed = await self._flush_and_claim(wanted)
            for call in claimed:
                self._calls += 1
                self._under_way.add(
                    asyncio.create_task(self._deliveries.attempt(call, self._clock))
                )
            if not self._under_way:
                return
            done, self._under_way = await asyncio.wait(
                self._under_way, return_when=asyncio.FIRST_COMPLETED
            )
            self._note_all(done)

    async def _flush_and_claim(self, wanted: int) -> Sequence[ClaimedDelivery]:
        """Write and claim; what may not have been written stays to be written again."""
        updates = list(self._unwritten)
        claimed = await self._deliveries.flush_and_claim(
            self._order.destination, self._token, updates, wanted, self._clock.now()
        )
        self._unwritten = self._unwritten[len(updates) :]
        return claimed

    async def _break_off(self) -> None:
        """Cut off the calls under way, and write what was answered."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        whole = [task for task in self._under_way if not task.cancelled()]
        with contextlib.suppress(StoreUnavailable):
            self._note_all(whole)
        if self._unwritten:
            with contextlib.suppress(StoreUnavailable):
                await self._flush_and_claim(0)

    def _note_all(
        self, done: Iterable[asyncio.Task[tuple[DeliveryUpdate, DeliveryOutcome]]]
    ) -> None:
        """Take every answer, then raise what the first of those without one raised."""
        failures = []
        for task in done:
            if (failure := task.exception()) is not None:
                failures.append(failure)
            else:
                self._unwritten.append(self._note(*task.result()))
        if failures:
            raise failures[0]

    def _wanted(self) -> int:
        if self._overloaded or self._stop.is_set() or self._clock.now() >= self._until:
            return 0
        return min(CALLS_AT_ONCE - len(self._under_way), self._order.calls_max - self._calls)

    def _note(self, update: DeliveryUpdate, outcome: DeliveryOutcome) -> DeliveryUpdate:
        WEBHOOK_DELIVERIES.labels(_result(update, outcome)).inc()
        self._delivered += outcome.verdict is DeliveryVerdict.DELIVERED
        if outcome.overloaded:
            self._overloaded = True
            if outcome.retry_after is not None:
                wait = min(round(outcome.retry_after * SECOND), RETRY_AFTER_MAX)
                self._rest_until = max(self._rest_until or 0, self._clock.now() + wait)
        return update


def _result(update: DeliveryUpdate, outcome: DeliveryOutcome) -> str:
    """The verdict of a call; ``dead`` where it was the last one."""
    is_last = update.status is DeliveryStatus.DEAD and not update.gone
    return "dead" if is_last else outcome.verdict.value
