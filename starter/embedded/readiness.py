"""Wait until a part of the embedded stack can be used."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from starter.embedded.options import StackError

READY_SECONDS = 60.0


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Poll a condition until it holds; raises StackError after ``READY_SECONDS``."""
    deadline = time.monotonic() + READY_SECONDS
    while not await holds():
        if time.monotonic() > deadline:
            raise StackError(f"{what} was not ready within {READY_SECONDS:.0f} s; see its logs")
        await asyncio.sleep(0.05)


async def accepts(host: str, port: int) -> bool:
    """Whether a TCP connection is accepted."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def until_serves(api: str) -> None:
    """As ``until``: an API has its database and Temporal, whatever else is not ready yet."""
    # Each client reads the certificates of all authorities, which takes the time of a poll.
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:

        async def serves() -> bool:
            try:
                parts = (await client.get(f"{api}/readyz")).json()
            except (httpx.HTTPError, ValueError):
                return False
            return parts.get("database") is True and parts.get("temporal") is True

        await until(serves, "the API")


async def exists(file: Path) -> bool:
    """Whether a file is there."""
    return file.exists()
