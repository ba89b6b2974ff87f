"""How long sends stop when the worker or the Temporal server is killed amid a campaign."""

import os
import signal
import time
from collections.abc import Sequence
from itertools import pairwise

from bench.rows.sizes import Sizes
from bench.stack import GodwitStack
from bench.work import campaign

# A worker at work never lets the carrier wait so long.
NOTICED_SECONDS = 0.5


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Seconds from a ``kill -9`` of each to the end of the silence that it brings."""
    return {
        "worker_killed": await _kill(stack, sizes, "worker"),
        "server_killed": await _kill(stack, sizes, "temporal"),
    }


async def _kill(stack: GodwitStack, sizes: Sizes, part: str) -> float:
    await stack.carrier.reset()
    count = 2 * sizes.count
    posted = await stack.post(campaign(count, first=stack.fresh(count)))
    await stack.carrier.until(count // 10)
    pids = stack.pids()
    os.kill(pids["workers"][0] if part == "worker" else pids["temporal"], signal.SIGKILL)
    killed = time.time()
    await stack.carrier.until(count, 120)
    await stack.ended(posted.id)
    return quiet([killed, *(at for at in await stack.carrier.times() if at > killed)])


def quiet(times: Sequence[float]) -> float:
    """How long after the first time the first real wait among the others ends.

    Later waits are no part of it: those are for the leases of messages that died on the way.
    Without any real wait it is the longest one.
    """
    waits = [(after - before, after) for before, after in pairwise(times)]
    for wait, after in waits:
        if wait > NOTICED_SECONDS:
            return after - times[0]
    return max((wait for wait, _ in waits), default=0.0)
