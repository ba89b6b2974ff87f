"""Browsers without scripts in front of the API of this process."""

from collections.abc import Callable
from itertools import count

import pytest

from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app
from tests.console.browsing import Browser
from tests.serving import Api, api

__all__ = ["api"]


@pytest.fixture
def browser(api: Api) -> Callable[[], Browser]:
    """Makes browsers that nobody has signed in with yet, each at an address of its own."""
    story, addresses = api.story, count(1)
    limiter = RequestLimiter("memory://")
    app = create_app(ApiContext(story.settings, story.store, story.service, limiter))
    return lambda: Browser(api, app, f"192.0.2.{next(addresses)}")
