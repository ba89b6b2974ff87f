"""What campaigns cost that only wait for their hour."""

import asyncio
import time
from datetime import UTC, datetime

from bench.rows.sizes import Sizes
from bench.rows.storm import post_many
from bench.stack import GodwitStack
from bench.usage import cpu_by_part, gained

WINDOW_SECONDS = 20.0
# What an admission leaves behind (caches, log files) is done with after this long.
SETTLE_SECONDS = 4.0
AHEAD_SECONDS = 86_400.0


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Processor seconds a minute of the whole stack, with nothing to do and with sleepers.

    These sleep on: nothing can be measured on this stack afterwards.
    """
    none = await _per_minute(stack)
    due = datetime.fromtimestamp(time.time() + AHEAD_SECONDS, UTC)
    await post_many(stack, sizes.sleeping, due)
    some = await _per_minute(stack)
    if none is None or some is None:
        return {}
    return {"idle_none": none, "idle_sleeping": some, "idle_cost": some - none}


async def _per_minute(stack: GodwitStack) -> float | None:
    await asyncio.sleep(SETTLE_SECONDS)
    began, before = time.monotonic(), cpu_by_part(stack.parts())
    await asyncio.sleep(WINDOW_SECONDS)
    used = gained(before, cpu_by_part(stack.parts()))
    return sum(used.values()) / (time.monotonic() - began) * 60 if used else None
