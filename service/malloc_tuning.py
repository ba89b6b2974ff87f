"""The C library's allocator, tuned so that memory of a storm of requests goes back."""

import asyncio
import ctypes

# mallopt(3) of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
ARENAS_MAX = 2
BLOCK_BYTES = 128 * 1024
TRIM_SECONDS = 5.0


def limit_heap() -> None:
    """Keep the heap in few parts and large blocks out of it; call it at the start of a process.

    By default each thread may have a part of its own, and the size of a block that is given back
    at once grows up to 32 MB. Does nothing where the C library is not glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ARENAS_MAX)
        mallopt(_M_MMAP_THRESHOLD, BLOCK_BYTES)
        mallopt(_M_TRIM_THRESHOLD, BLOCK_BYTES)


async def trim_heap() -> None:
    """Give free pages back every few seconds until cancelled; only where there is glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None:
        await asyncio.sleep(TRIM_SECONDS)
        # The call does not hold the interpreter lock.
        await asyncio.to_thread(trim, 0)
