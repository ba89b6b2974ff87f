"""API rate limits: requests per key and route, and the headers that report them."""

import asyncio
import math
import time
from dataclasses import dataclass

from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from campaign.failures import ServiceUnavailable

STORAGE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Window:
    """The state of a caller's limit after one request; ``reset_at`` is in Unix seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: float

    def headers(self) -> dict[str, str]:
        """``X-RateLimit-*`` headers, with ``Retry-After`` if the request is refused."""
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil(self.reset_at)),
        }
        if not self.allowed:
            headers["Retry-After"] = str(max(1, math.ceil(self.reset_at - time.time())))
        return headers


class RequestLimiter:
    """Counts requests in a moving window.

    ``storage`` is a ``limits`` storage address: ``memory://`` for one API process, a shared one
    (``redis://...``) for several.
    """

    def __init__(self, storage: str) -> None:
        # The default client of Redis, coredis, is not among the pinned packages.
        opened = storage_from_string(
            f"async+{storage}", wrap_exceptions=True, implementation="redispy"
        )
        assert isinstance(opened, Storage)
        self._limiter = MovingWindowRateLimiter(opened)

    async def take(self, limit: str, route: str, caller: str) -> Window:
        """Count one request of a caller; ``limit`` is written like ``5/minute``.

        Concurrent requests are never allowed beyond the limit. Raises ServiceUnavailable if a
        shared storage does not answer.
        """
        item: RateLimitItem = parse(limit)
        try:
            async with asyncio.timeout(STORAGE_SECONDS):
                allowed = await self._limiter.hit(item, route, caller)
                stats = await self._limiter.get_window_stats(item, route, caller)
        except (StorageError, TimeoutError) as error:
            raise ServiceUnavailable("request limits cannot be counted") from error
        return Window(allowed, item.amount, max(0, stats.remaining), stats.reset_time)
