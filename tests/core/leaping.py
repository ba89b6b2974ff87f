"""Simulated time: waits cost nothing, days pass in microseconds, and event loops can be frozen."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextvars import Context
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar

from campaign.instants import Instant

SECOND = 1000

T = TypeVar("T")


class Time:
    """One clock for every loop of a simulated world, and for what happens outside of them.

    Whatever is due next happens next: a step of a loop, or a call from ``call_later``. The order
    is deterministic.
    """

    def __init__(self, start: Instant) -> None:
        self.seconds = 0.0
        self.loops: list[LeapingLoop] = []
        self._start = start
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def now(self) -> Instant:
        """The present instant of the world."""
        return self._start + round(self.seconds * SECOND)

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        """Make a call that no frozen loop holds up, as the rest of the world does."""
        heappush(self._calls, (self.seconds + seconds, next(self._numbers), call))

    def pass_by(self, milliseconds: Instant) -> None:
        """Let time pass, and with it whatever is due."""
        passed: list[bool] = []
        self.call_later(milliseconds / SECOND, lambda: passed.append(True))
        self.run_until(lambda: bool(passed))

    def run_until(self, is_done: Callable[[], bool]) -> None:
        """Let things happen until ``is_done``; a wait for something that never comes raises."""
        while not is_done():
            loop = min(self.loops, key=lambda loop: loop.next_at, default=None)
            at = math.inf if loop is None else loop.next_at
            if self._calls and self._calls[0][0] <= at:
                at, _, call = heappop(self._calls)
                self.seconds = max(self.seconds, at)
                call()
            elif loop is None or at == math.inf:
                raise RuntimeError("the simulation waits for something that never comes")
            else:
                self.seconds = max(self.seconds, at)
                loop.step()


class LeapingLoop(asyncio.SelectorEventLoop):
    """The loop of one simulated process; what runs in threads elsewhere runs inline.

    ``delay`` returns how many seconds the answer of such a call takes; what the call does is done
    at its beginning, as with a database whose answer is slow. Before step number ``freeze_at``
    the loop freezes for ``freeze_seconds``: time passes, and this loop does nothing. Everything
    that became due meanwhile is late.
    """

    def __init__(self, time: Time, freeze_at: int = 0, freeze_seconds: float = 0.0) -> None:
        self._shared_time = time
        self._is_ready = False
        self._timers: list[float] = []
        self._steps_left = freeze_at
        self._freeze_seconds = freeze_seconds
        self.frozen_until = 0.0
        self.delay: Callable[[], float] = lambda: 0.01
        super().__init__()
        time.loops.append(self)

    @property
    def is_frozen(self) -> bool:
        """Whether the process stands still now."""
        return self._shared_time.seconds < self.frozen_until

    @property
    def was_frozen(self) -> bool:
        """Whether it stands or stood still: what it knows may be old."""
        return self.frozen_until > 0.0

    @property
    def next_at(self) -> float:
        """When there is something to do, in seconds of the world; infinity for never."""
        due = self._timers[0] if self._timers else math.inf
        return max(self.frozen_until, 0.0 if self._is_ready else due)

    def time(self) -> float:
        """Seconds since the world began."""
        return self._shared_time.seconds

    def now(self) -> Instant:
        """The present instant of the world."""
        return self._shared_time.now()

    def freeze(self, seconds: float) -> None:
        """Stand still from the end of this step on, as when the process is stopped."""
        self.frozen_until = self.time() + seconds

    def run_until_complete(self, future: Awaitable[T]) -> T:  # type: ignore[override]
        """Let the world go on until ``future`` is done; return its result."""
        task = asyncio.ensure_future(future, loop=self)
        self._shared_time.run_until(task.done)
        return task.result()

    def step(self) -> None:
        """Run what is ready now, or freeze before it."""
        self._steps_left -= 1
        if self._steps_left == 0:
            self.freeze(self._freeze_seconds)
            return
        self._is_ready = False
        while self._timers and self._timers[0] <= self.time():
            heappop(self._timers)
        # A loop that is stopped before it runs makes one round.
        self.stop()
        self.run_forever()

    def close(self) -> None:
        """Leave the world."""
        if self in self._shared_time.loops:
            self._shared_time.loops.remove(self)
        super().close()

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As any loop, and note that there is something to do."""
        self._is_ready = True
        return super().call_soon(callback, *args, context=context)

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As ``call_soon``: a simulated world has one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As any loop, and note when there is something to do."""
        heappush(self._timers, when)
        return super().call_at(when, callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Run ``func`` in the next step; the answer arrives after ``delay``."""
        future = self.create_future()

        def run() -> None:
            try:
                answer, error = func(*args), None
            except Exception as raised:
                answer, error = None, raised
            self.call_later(self.delay(), arrive, answer, error)

        def arrive(answer: Any, error: Exception | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(answer)
            else:
                future.set_exception(error)

        self.call_soon(run)
        return future
