"""The places of a worker, of which chunks that only wait for a rate or a carrier take none."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

from campaign.instants import SECOND, Instant
from campaign.ports import ClaimResult

# A changed rate is noticed after this long, however long the wait was to be.
ASK_EVERY_SECONDS = 1.0
# A waiting chunk costs some kilobytes and a heartbeat; beyond this many, some come again later.
WAITING_MAX = 1_000
LOOK_EVERY_SECONDS = 0.05
# Transactions of waiting chunks that one worker has under way. Others do not queue behind hundreds.
ASKING_MAX = 2


class Places(CustomSlotSupplier):
    """Gives out the activity slots of one worker.

    ``places_max`` activities work at the same time; chunks that wait do so beside them. One that
    may send again does not queue behind new ones, so for moments there are up to twice as many.
    """

    def __init__(self, places_max: int, waiting_max: int = WAITING_MAX) -> None:
        self._places_max = places_max
        self._waiting_max = waiting_max
        self._lock = threading.Lock()
        self._issued = self._waiting = 0
        self._room = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def crowded(self) -> bool:
        """Whether so many chunks wait that some of them should leave."""
        return self._waiting >= self._waiting_max

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Give up a chunk's place inside the block."""
        self._count(waiting=1)
        try:
            yield
        finally:
            self._count(waiting=-1)

    async def returning(self) -> None:
        """Wait until a chunk that waited may work again."""
        while self._issued - self._waiting >= 2 * self._places_max:
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        """See :class:`temporalio.worker.CustomSlotSupplier`."""
        self._loop = asyncio.get_running_loop()
        while (permit := self.try_reserve_slot(ctx)) is None:
            self._room.clear()
            await self._room.wait()
        return permit

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """See :class:`temporalio.worker.CustomSlotSupplier`; the SDK may call from any thread."""
        with self._lock:
            if self._issued - self._waiting >= self._places_max:
                return None
            self._issued += 1
            return SlotPermit()

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """See :class:`temporalio.worker.CustomSlotSupplier`."""

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """See :class:`temporalio.worker.CustomSlotSupplier`; the SDK may call from any thread."""
        self._count(issued=-1)

    def _count(self, issued: int = 0, waiting: int = 0) -> None:
        with self._lock:
            self._issued += issued
            self._waiting += waiting
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._room.set)


@dataclass
class _Line:
    """Those that wait for the same rate or carrier; ``ask_at`` is when it may grant something."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ask_at: Instant = 0
    waiting: int = 0


class Lines:
    """Chunks of one worker that wait for the same thing, and ask for it one after the other.

    Without lines, all of them would ask the database for what one can have. Whatever they wait for,
    ``asking`` bounds their transactions, so that those of chunks that need not wait come first.
    """

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self.asking = asyncio.Semaphore(ASKING_MAX)

    async def ask(
        self,
        name: str,
        ask_at: Instant,
        now: Callable[[], Instant],
        claim: Callable[[], Awaitable[ClaimResult]],
        over: Callable[[], bool],
        stop: asyncio.Event,
    ) -> bool:
        """Claim once, after those who came before, and at ``ask_at`` or a second later.

        Returns False without a claim when ``stop`` is set, or when ``over``, asked at first and
        every second, says that the wait is.
        """
        if over():
            return False
        line = self._lines.setdefault(name, _Line(ask_at=ask_at))
        line.waiting += 1
        try:
            if not await _acquired(line.lock, stop, over):
                return False
            try:
                left = (line.ask_at - now()) / SECOND
                if left > 0:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(min(left, ASK_EVERY_SECONDS)):
                            await stop.wait()
                if stop.is_set() or over():
                    return False
                result = await claim()
                line.ask_at = (result.ask_again_at or 0) if result.waits_for == name else 0
                return True
            finally:
                line.lock.release()
        finally:
            line.waiting -= 1
            if not line.waiting:
                del self._lines[name]


async def _acquired(lock: asyncio.Lock, stop: asyncio.Event, over: Callable[[], bool]) -> bool:
    """Acquire a lock in the order of asking; False after a stop, or when the wait is over."""
    acquiring = asyncio.ensure_future(lock.acquire())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        while not acquiring.done() and not stopping.done():
            await asyncio.wait(
                (acquiring, stopping),
                timeout=ASK_EVERY_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not acquiring.done() and over():
                break
        return acquiring.done()
    finally:
        stopping.cancel()
        if not acquiring.done():
            acquiring.cancel()
