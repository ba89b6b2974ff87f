"""Browsers without scripts in front of the API of this process."""

from collections.abc import Callable
from itertools import count

import pytest

from tests.console.browsing import Browser
from tests.serving import Api, api

__all__ = ["api"]


@pytest.fixture
def browser(api: Api) -> Callable[[], Browser]:
    """Makes browsers that nobody has signed in with yet, each at an address of its own."""
    addresses = count(1)
    return lambda: Browser(api, f"192.0.2.{next(addresses)}")
