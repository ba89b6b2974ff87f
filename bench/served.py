"""The static carrier as the measuring side sees it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.processes import child, first_line, module


@dataclass(frozen=True, slots=True)
class Stats:
    """How many messages came since the reset, and when the first and the last did."""

    count: int
    first: float | None
    last: float | None


class StaticCarrier:
    """A running ``bench.carrier``."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self.url = url
        self._client = client

    async def reset(self) -> None:
        """Forget what came."""
        (await self._client.post("/reset")).raise_for_status()

    async def stats(self) -> Stats:
        """What came since the reset."""
        return Stats(**(await self._client.get("/stats")).json())

    async def times(self) -> list[float]:
        """When each message came, in seconds of Unix time."""
        times: list[float] = (await self._client.get("/times")).json()
        return times

    async def bodies(self) -> list[dict[str, Any]]:
        """What each message was, in the order of their times."""
        bodies: list[dict[str, Any]] = (await self._client.get("/bodies")).json()
        return bodies

    async def until(self, count: int, seconds: float = 300.0) -> Stats:
        """Wait until so many messages came; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while (stats := await self.stats()).count < count:
                await asyncio.sleep(0.05)
        return stats

    async def until_quiet(self, seconds: float) -> Stats:
        """Wait until nothing came for so long."""
        while True:
            stats = await self.stats()
            if time.time() - (stats.last or 0.0) >= seconds:
                return stats
            await asyncio.sleep(0.1)


@asynccontextmanager
async def static_carrier(directory: Path) -> AsyncIterator[StaticCarrier]:
    """Run the static carrier until the block ends."""
    log = directory / "carrier.log"
    async with child(module("bench.carrier"), log) as process:
        url = (await first_line(process, log)).strip()
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
            yield StaticCarrier(url, client)
