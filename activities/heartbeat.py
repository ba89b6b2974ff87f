"""What every long activity does besides its work: beat, and listen for the worker's end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from temporalio import activity

HEARTBEAT_SECONDS = 1.0


@contextlib.asynccontextmanager
async def heartbeating(stop: asyncio.Event) -> AsyncIterator[None]:
    """Send heartbeats inside the block, and set ``stop`` when the worker goes down."""
    async with _background(_heartbeat()), _background(_stop_with_worker(stop)):
        yield


async def _heartbeat() -> None:
    # Most chunks end before the first beat, which would be as much work as their start.
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        activity.heartbeat()


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
