"""The cache of what was read: by the caller's clock, and never large."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from store.shared.cache import Cache


@pytest.fixture
def reads() -> Iterator[int]:
    """The numbers that successive reads return."""
    return count()


def test_a_value_is_read_again_once_it_is_as_old_as_it_may_get(reads: Iterator[int]) -> None:
    cache = Cache[str, int](ttl=100)
    found = [cache.get("a", now, lambda: next(reads)) for now in (1_000, 1_099, 1_100, 1_199)]
    assert found == [0, 0, 1, 1]


def test_a_clock_that_was_set_back_expires_what_it_has_not_reached(reads: Iterator[int]) -> None:
    cache = Cache[str, int](ttl=100)
    assert [cache.get("a", now, lambda: next(reads)) for now in (1_000, 999)] == [0, 1]


def test_a_cleared_cache_reads_again(reads: Iterator[int]) -> None:
    cache = Cache[str, int](ttl=100)
    cache.get("a", 0, lambda: next(reads))
    cache.clear()
    assert cache.get("a", 0, lambda: next(reads)) == 1


def test_a_full_cache_forgets_what_was_read_first(reads: Iterator[int]) -> None:
    cache = Cache[str, int](ttl=100, size_max=2)
    found = [cache.get(key, 0, lambda: next(reads)) for key in ("a", "b", "c", "b", "a")]
    assert found == [0, 1, 2, 1, 3]


def test_a_value_that_is_read_again_does_not_push_another_out(reads: Iterator[int]) -> None:
    cache = Cache[str, int](ttl=100, size_max=2)
    for key, now in (("a", 0), ("b", 50), ("a", 100)):
        cache.get(key, now, lambda: next(reads))
    assert cache.get("b", 100, lambda: next(reads)) == 1


def test_threads_that_fill_a_small_cache_each_get_their_own_value() -> None:
    cache = Cache[int, int](ttl=100, size_max=2)

    def work(key: int) -> bool:
        return all(cache.get(key, now, lambda: key) == key for now in range(2_000))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(8)))
