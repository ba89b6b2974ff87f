"""Notices that a carrier is down, and tells every other worker."""

import asyncio
from collections.abc import Callable

from campaign.failures import CarrierFailure, PermanentFailure, StoreUnavailable, TemporaryFailure
from campaign.instants import SECOND, Instant
from campaign.ports import HealthStore
from telemetry.logs import get_logger

# So many failures on end, with no clear answer between them, are no bad luck with some messages.
FAILURES_ON_END = 20
# Failures further apart than this do not belong together.
ON_END_WITHIN: Instant = 4 * SECOND
PROBE_AFTER_SECONDS = 1.0
PROBE_AFTER_SECONDS_MAX = 60.0
REPORT_EVERY: Instant = SECOND // 2

log = get_logger("godwit.activities")


class Breaker:
    """Counts one worker's failures per carrier; of chunks that run side by side, all together.

    A carrier that is down gets no messages but one probe a second (``store.health``), until one
    of them is answered clearly: taken, or refused for good.
    """

    def __init__(self, store: HealthStore) -> None:
        self._store = store
        self._on_end: dict[str, int] = {}
        self._last_at: dict[str, Instant] = {}
        self._left_alone_until: dict[str, Instant] = {}

    def is_down(self, carrier: str) -> bool:
        """Tell whether this worker holds a carrier for down."""
        return self._on_end.get(carrier, 0) >= FAILURES_ON_END

    async def answered(self, carrier: str) -> None:
        """A carrier answered clearly."""
        if self._on_end.pop(carrier, 0):
            await self._tell(self._store.restore, carrier)

    async def failed(self, carrier: str, failure: CarrierFailure, now: Instant) -> None:
        """A carrier failed a message; a refusal for good is an answer."""
        if isinstance(failure, PermanentFailure):
            await self.answered(carrier)
            return
        if not self.is_down(carrier) and now - self._last_at.get(carrier, now) > ON_END_WITHIN:
            self._on_end[carrier] = 0
        self._last_at[carrier] = now
        count = self._on_end[carrier] = self._on_end.get(carrier, 0) + 1
        if count < FAILURES_ON_END:
            return
        requested = failure.retry_after if isinstance(failure, TemporaryFailure) else None
        wait = min(max(requested or 0.0, PROBE_AFTER_SECONDS), PROBE_AFTER_SECONDS_MAX)
        probe_at = now + round(wait * SECOND)
        # Of a thousand requests that fail at once, the first tells everybody.
        if probe_at < self._left_alone_until.get(carrier, 0) + REPORT_EVERY:
            return
        self._left_alone_until[carrier] = probe_at
        log.warning("a carrier is down", carrier=carrier, code=failure.code)
        await self._tell(self._store.trip, carrier, failure.code, now, probe_at)

    async def admits(self, carrier: str, now: Instant) -> bool:
        """Tell whether a request may go now: the carrier is up, or we won the right to probe it."""
        if not self.is_down(carrier):
            return True
        try:
            return await asyncio.to_thread(self._store.may_probe, carrier, now)
        except StoreUnavailable:
            return False

    async def _tell(self, tell: Callable[..., None], *said: object) -> None:
        try:
            await asyncio.to_thread(tell, *said)
        except StoreUnavailable as error:
            # The next failure or answer says it again; until then this worker alone knows.
            log.warning("the store is away", reason=str(error))
