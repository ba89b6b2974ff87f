"""One simulated worker process: a loop, its way to the store, and the chunks that it runs."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from activities.attempts import Attempts, SendingLimits
from activities.breaker import Breaker
from activities.carriers import Carriers
from activities.chunk_sender import ChunkSender
from activities.records import ChunkResult
from activities.waiting import Lines, Places
from campaign.handoffs import Carrier
from campaign.ports import ChunkRange, SendingStore
from tests.core.carrier import DEADLINE_SECONDS
from tests.core.faults import Fate, FaultyStore, StoreFault
from tests.core.leaping import LeapingLoop, Time
from tests.core.tale import Tale

LIMITS = SendingLimits(
    window=3, timeout_seconds=DEADLINE_SECONDS, backoff_seconds=(5.0, 30.0), unknown_tries=3
)


@dataclass(frozen=True, slots=True)
class Freeze:
    """A process stands still before its step number ``step``, for so many seconds.

    Every await point of what it runs is the end of a step.
    """

    step: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Accident:
    """What goes wrong with one process: its requests, its calls of the store, the process."""

    fates: Sequence[Fate] = ()
    faults: Sequence[StoreFault] = ()
    freeze: Freeze | None = None


NO_ACCIDENT = Accident()


class Worker:
    """Runs chunks until they end, the process dies, or it freezes."""

    def __init__(
        self, time: Time, store: SendingStore, carrier: Carrier, accident: Accident
    ) -> None:
        freeze = accident.freeze or Freeze(0, 0.0)
        self.loop = LeapingLoop(time, freeze.step, freeze.seconds)
        self.store = FaultyStore(store, accident.faults, self._cancel)
        self.loop.delay = self.store.delay
        self._now: Callable[[], int] = time.now
        self._carriers = Carriers([carrier])
        self._places, self._lines = Places(100), Lines()
        self._chunks: list[asyncio.Task[ChunkResult]] = []
        self._tales: list[Tale] = []

    def start(
        self, tale: Tale, chunk: ChunkRange, token: str, breaker: Breaker, begins: bool
    ) -> None:
        """Begin an attempt at a chunk."""
        attempts = Attempts(
            store=self.store,
            carriers=self._carriers,
            breaker=breaker,
            limits=LIMITS,
            range=chunk,
            token=token,
            now=self._now,
            stop=tale.new_stop(),
            cancelled=tale.cancelled_at is not None,
        )
        chunk_sender = ChunkSender(attempts, self._places, self._lines, begins=begins)
        self._tales.append(tale)
        self._chunks.append(self.loop.create_task(chunk_sender.run()))

    @property
    def is_done(self) -> bool:
        """Whether everything that it ran has ended."""
        return all(chunk.done() for chunk in self._chunks)

    def end(self) -> Sequence[Tale]:
        """Close the process; return the campaigns that may not send. A fault of ours raises."""
        held: list[Tale] = []
        for tale, chunk in zip(self._tales, self._chunks, strict=True):
            error = None if chunk.cancelled() else chunk.exception()
            if self.store.is_dead:
                continue
            if error is not None:
                raise error
            if chunk.result().held and not any(tale is one for one in held):
                held.append(tale)
        self.loop.close()
        return held

    def _cancel(self) -> None:
        for chunk in self._chunks:
            chunk.cancel()
