"""The cache of texts: the same values, within its bytes."""

import tracemalloc
from collections.abc import Callable

from campaign import phone
from campaign.text import plain, segment, unmasked
from campaign.text_cache import LENGTH_MAX, text_cache
from tests.store.racing import race


def test_a_value_is_computed_once_while_it_is_kept() -> None:
    asked: list[str] = []

    @text_cache()
    def length(text: str) -> int:
        asked.append(text)
        return len(text)

    assert [length("ab"), length("c"), length("ab")] == [2, 1, 2]
    assert asked == ["ab", "c"]
    length.cache_clear()
    assert length("ab") == 2
    assert asked == ["ab", "c", "ab"]


def test_none_is_a_value_too() -> None:
    asked: list[str] = []

    @text_cache()
    def nothing(text: str) -> None:
        asked.append(text)

    nothing("a")
    nothing("a")
    assert asked == ["a"]


def test_what_is_used_stays_and_what_is_not_goes() -> None:
    asked: list[str] = []

    @text_cache(bytes_max=20_000)
    def same(text: str) -> str:
        asked.append(text)
        return text

    for index in range(1_000):
        same("used again and again")
        same(str(index))
    assert asked.count("used again and again") == 1
    same("0")
    assert asked.count("0") == 2


def test_the_caches_of_texts_stay_within_their_bytes_whatever_comes() -> None:
    copied = text_cache()(str.swapcase)
    readers: list[Callable[[str], object]] = [
        segment,
        plain,
        unmasked,
        phone.sender_kind,
        phone.OfflineLookup().look_up,
    ]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for index in range(3_000):
        copied(f"{index:06d}" + "ж" * (LENGTH_MAX - 6))
    for read in readers:
        for index in range(5):
            read(f"{index:06d}" + "ж" * 100_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    # Of 3,000 texts and as many values of 3 kB each, 4 MB are kept; of longer ones, nothing.
    assert grown < 5_000_000


def test_threads_share_a_cache() -> None:
    @text_cache(bytes_max=5_000)
    def length(text: str) -> int:
        return len(text)

    def read(runner: int) -> bool:
        return all(length("x" * (index % 50)) == index % 50 for index in range(2_000))

    assert all(race(4, read))
