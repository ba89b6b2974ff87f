"""An event loop whose clock leaps: waits cost nothing, and days pass in microseconds."""

import asyncio
import math
import selectors
from collections.abc import Callable
from typing import Any

from campaign.instants import Instant


class _Leaping(selectors.DefaultSelector):
    """Instead of waiting for the next timer, moves the clock there."""

    seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Poll, after a leap of ``timeout``; nothing to wait for would be a wait for ever."""
        if timeout is None:
            raise RuntimeError("the simulation waits for something that never comes")
        if timeout > 0:
            # At least the next float, or a remainder too small to add would halt the clock.
            after = math.nextafter(self.seconds, math.inf)
            self.seconds = max(self.seconds + timeout, after)
        return super().select(0)


class LeapingLoop(asyncio.SelectorEventLoop):
    """A loop for one simulated world, deterministic: what runs in threads elsewhere runs inline.

    ``delay`` says how many seconds the answer of such a call takes; what it does is done at
    once, as with a database whose answer is slow to arrive.
    """

    def __init__(self, start: Instant) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)
        self._start = start
        self.delay: Callable[[], float] = lambda: 0.01

    def time(self) -> float:
        """Seconds since the world began."""
        return self._leaping.seconds

    def now(self) -> Instant:
        """The present instant of the world."""
        return self._start + round(self._leaping.seconds * 1000)

    def pass_by(self, milliseconds: Instant) -> None:
        """Let time pass, and with it whatever is due."""
        self.run_until_complete(asyncio.sleep(milliseconds / 1000))

    def freeze(self, seconds: float) -> None:
        """Let time pass while nothing runs, as when the process is stopped."""
        self._leaping.seconds += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Run ``func`` inline; the answer arrives after ``delay``."""
        future = self.create_future()
        try:
            answer, error = func(*args), None
        except Exception as raised:
            answer, error = None, raised

        def arrive() -> None:
            if future.done():
                return
            if error is None:
                future.set_result(answer)
            else:
                future.set_exception(error)

        self.call_later(self.delay(), arrive)
        return future
