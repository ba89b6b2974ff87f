"""Threads for reads, so that no read waits behind writes that wait for a lock."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# A read takes milliseconds. SQLite's pool of connections has room for as many more.
READS_AT_ONCE = 8
_readers = ThreadPoolExecutor(READS_AT_ONCE, "store-read")


async def read_in_thread(work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Run a read of the store in a thread that no write ever occupies, and return its result.

    ``work`` must not write. Writes use ``asyncio.to_thread``.
    """
    call = partial(copy_context().run, work, *args, **options)
    return await asyncio.get_running_loop().run_in_executor(_readers, call)
