"""A cache of what was computed from texts, limited by the bytes that it keeps."""

from collections.abc import Callable
from functools import update_wrapper
from sys import getsizeof
from typing import Any, Generic, TypeVar

V = TypeVar("V")

BYTES_MAX = 4 * 1024 * 1024
# No valid text is longer. A longer one is computed each time and never kept.
LENGTH_MAX = 1_600
# The entry of a dictionary and a small object as its value, at most.
_ENTRY_BYTES = 200
# Stands for the value of a text that is not in the cache.
_MISSING = object()


class TextCache(Generic[V]):
    """A pure function of one text, with the values of recent texts kept.

    Keeps at most about ``bytes_max`` bytes, and no text of more than ``length_max`` characters, so
    that no caller can fill memory with them. Whenever half of the bytes are used up, what was not
    used since the last time goes. Safe to use in threads.
    """

    def __init__(self, function: Callable[[str], V], bytes_max: int, length_max: int) -> None:
        update_wrapper(self, function)
        self._function = function
        self._half = bytes_max // 2
        self._length_max = length_max
        self.cache_clear()

    def cache_clear(self) -> None:
        """Forget every value."""
        self._recent: dict[str, V] = {}
        self._older: dict[str, V] = {}
        self._used = 0

    def __call__(self, text: str) -> V:
        """Return the value of a text, computed or kept."""
        recent = self._recent
        value: Any = recent.get(text, _MISSING)
        if value is not _MISSING:
            return value  # type: ignore[no-any-return]
        value = self._older.get(text, _MISSING)
        if value is _MISSING:
            value = self._function(text)
        if len(text) <= self._length_max:
            used = self._used + getsizeof(text) + getsizeof(value) + _ENTRY_BYTES
            # Two threads that meet here lose a value or miscount one; both are harmless.
            if used > self._half:
                self._recent, self._older, used = {}, recent, used - self._used
            self._recent[text] = value
            self._used = used
        return value  # type: ignore[no-any-return]


def text_cache(
    bytes_max: int = BYTES_MAX, length_max: int = LENGTH_MAX
) -> Callable[[Callable[[str], V]], TextCache[V]]:
    """Decorate a pure function of one text with a :class:`TextCache`."""
    return lambda function: TextCache(function, bytes_max, length_max)
