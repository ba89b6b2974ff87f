"""Every carrier's settings are read once in a process: each test reads its own."""

from collections.abc import Iterator

import pytest

from tests.carriers.described import forget_settings

pytest.register_assert_rewrite("tests.carriers.exercise")


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    """Leave nothing of one test's environment to the next."""
    forget_settings()
    yield
    forget_settings()
