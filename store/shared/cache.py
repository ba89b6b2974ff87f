"""A cache of what was read from the database, by the clock of the caller."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from campaign.instants import Instant

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Keeps each value for ``ttl`` milliseconds, and at most ``size_max`` of them.

    The clock is the ``now`` of the transaction, as in every other rule of the store, so that
    simulated time expires values too. A clock that was set back expires what it has not reached
    yet. Safe to use in threads; several may read the same value at once.
    """

    def __init__(self, ttl: Instant, size_max: int = 10_000) -> None:
        self._ttl = ttl
        self._size_max = size_max
        self._lock = Lock()
        self._entries: dict[K, tuple[Instant, V]] = {}

    def get(self, key: K, now: Instant, read: Callable[[], V]) -> V:
        """Return the cached value of ``key``, or that of ``read``, which is then cached."""
        entry = self._entries.get(key)
        if entry is not None and 0 <= now - entry[0] < self._ttl:
            return entry[1]
        value = read()
        with self._lock:
            self._entries.pop(key, None)
            if len(self._entries) >= self._size_max:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = (now, value)
        return value

    def forget(self, key: K) -> None:
        """Forget one value."""
        with self._lock:
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget every value."""
        with self._lock:
            self._entries.clear()
