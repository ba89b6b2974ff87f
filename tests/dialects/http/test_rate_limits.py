"""Request limits that several API processes count together."""

import gc
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator

import pytest

from campaign.failures import ServiceUnavailable
from dialects.http.rate_limits import RequestLimiter
from starter.embedded.options import free_port


@pytest.fixture(autouse=True)
def forget_connections() -> Iterator[None]:
    """A limiter lives as long as its process, so nothing else closes its connections."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def redis() -> Iterator[str]:
    """The address of a Redis server."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("Redis is not installed (Debian: apt install redis-server)")
    port = free_port()
    command = [found, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def test_two_limiters_on_one_redis_count_together(redis: str) -> None:
    limiters = [RequestLimiter(redis), RequestLimiter(redis)]
    deadline = time.monotonic() + 30
    while True:
        try:
            first = await limiters[0].take("3/minute", "route", "caller")
            break
        except ServiceUnavailable:
            assert time.monotonic() < deadline
    windows = [await limiters[number % 2].take("3/minute", "route", "caller") for number in (1, 2)]
    last = await limiters[1].take("3/minute", "route", "caller")
    assert [first.remaining, *(window.remaining for window in windows)] == [2, 1, 0]
    assert (last.allowed, last.remaining) == (False, 0)


async def test_a_storage_that_is_away_is_an_unavailable_service() -> None:
    limiter = RequestLimiter(f"redis://127.0.0.1:{free_port()}")
    with pytest.raises(ServiceUnavailable):
        await limiter.take("3/minute", "route", "caller")
