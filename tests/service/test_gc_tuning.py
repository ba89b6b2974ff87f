"""What lives for as long as the process is never searched for cycles; the rest still is."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from service.gc_tuning import YOUNG_MAX, relax_gc


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


class Knot:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.self = self


def test_what_lives_now_is_set_aside_and_what_comes_is_searched_seldom() -> None:
    relax_gc()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] == YOUNG_MAX


def test_a_cycle_that_is_made_later_is_still_found() -> None:
    relax_gc()
    gone = weakref.ref(Knot())
    malformed = [[] for _ in range(YOUNG_MAX + 1_000)]  # type: ignore[var-annotated]
    assert gone() is None, len(malformed)
