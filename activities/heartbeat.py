"""What every long activity does besides its work: beat, and listen for the worker's end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from temporalio import activity

HEARTBEAT_SECONDS = 1.0


@contextlib.asynccontextmanager
async def heartbeating(
    stop: asyncio.Event, details: Callable[[], object] | None = None
) -> AsyncIterator[None]:
    """Send heartbeats inside the block, and set ``stop`` when the worker goes down.

    The next attempt at the activity gets the last ``details``.
    """
    async with _background(_heartbeat(details)), _background(_stop_with_worker(stop)):
        yield


async def _heartbeat(details: Callable[[], object] | None) -> None:
    # Most chunks end before the first beat, which would be as much work as their start.
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        activity.heartbeat(*([] if details is None else [details()]))


async def _stop_with_worker(stop: asyncio.Event) -> None:
    await activity.wait_for_worker_shutdown()
    stop.set()


@contextlib.asynccontextmanager
async def _background(coroutine: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(coroutine)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
