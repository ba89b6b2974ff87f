"""What can go wrong, one word each, and a store that goes wrong on demand."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from campaign.failures import StoreUnavailable
from campaign.ports import SendingStore


class Crash(Exception):
    """The process is gone at this line."""


class Fate(StrEnum):
    """What becomes of one request to the carrier."""

    TAKEN = "taken"
    REFUSED = "refused"
    PUT_OFF = "put off"
    PUT_OFF_LONG = "put off for an hour"
    UNREACHABLE = "no connection"
    UNANSWERED = "taken, no answer"
    LOST = "not taken, no answer"
    LATE = "cut off, taken a moment later"
    LATER = "cut off, taken three seconds later"
    LATEST = "cut off, taken at the end of the deadline"
    TOO_LATE = "cut off, taken after the end of the deadline"
    LATEST_UNANSWERED = "no answer, taken at the end of the deadline"
    SLOW = "taken after three seconds"
    CRASH_BEFORE = "the worker dies before it is taken"
    CRASH_UNDER_WAY = "the worker dies, and it is taken all the same"
    CRASH_LATEST = "the worker dies, and it is taken at the end of the deadline"
    CRASH_AFTER = "the worker dies after it was taken"
    RECEIPT_FIRST = "taken, and the receipt overtakes the answer"
    STOP_WORD = "taken, and the recipient opts out meanwhile"
    CANCEL = "taken, and the campaign is cancelled meanwhile"
    PAUSE = "taken, and the campaign is paused meanwhile"
    SHUTDOWN = "taken, and the worker is told to stop meanwhile"


CRASHES = frozenset({Fate.CRASH_BEFORE, Fate.CRASH_UNDER_WAY, Fate.CRASH_LATEST, Fate.CRASH_AFTER})


class StoreFault(StrEnum):
    """What becomes of one call of the store by a chunk."""

    NONE = "answers"
    SLOW = "answers after six seconds"
    AWAY = "is away"
    AWAY_AFTER = "commits, and the answer is lost"
    CRASH_BEFORE = "the worker dies before the commit"
    CRASH_AFTER = "the worker dies after the commit"


class FaultyStore:
    """A :class:`campaign.ports.SendingStore` that does what the real one does, and then fails.

    Once the process has crashed nothing reaches the database any more.
    """

    def __init__(
        self, store: SendingStore, faults: Iterable[StoreFault], die: Callable[[], None]
    ) -> None:
        self._store = store
        self._faults = iter(faults)
        self._die = die
        self._is_slow = False
        self.is_dead = False

    def delay(self) -> float:
        """How many seconds the last call's answer takes to arrive."""
        return 6.0 if self._is_slow else 0.01

    def die(self) -> None:
        """End this process."""
        self.is_dead = True
        self._die()

    def crash(self) -> None:
        """End this process in the middle of a call."""
        self.die()
        raise Crash

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Every method of the real store, with the next fault in line."""
        method = getattr(self._store, name)

        def call(*args: Any) -> Any:
            if self.is_dead:
                raise Crash
            fault = next(self._faults, StoreFault.NONE)
            self._is_slow = fault is StoreFault.SLOW
            if fault is StoreFault.AWAY:
                raise StoreUnavailable("is away")
            if fault is StoreFault.CRASH_BEFORE:
                self.crash()
            answer = method(*args)
            if fault is StoreFault.AWAY_AFTER:
                raise StoreUnavailable("the answer was lost")
            if fault is StoreFault.CRASH_AFTER:
                self.crash()
            return answer

        return call
