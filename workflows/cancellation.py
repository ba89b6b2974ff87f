"""A workflow that is cancelled through Temporal goes on to an orderly end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def as_signal(work: Coroutine[Any, Any, T], cancel: Callable[[], None]) -> T:
    """Run the work to its end and call ``cancel`` each time that the workflow is cancelled.

    An eviction cancels the work itself; then nothing goes on.
    """
    task = asyncio.create_task(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            cancel()
