"""The largest campaign that a route takes: until it is answered, and the worker's memory."""

import asyncio
import contextlib
from pathlib import Path

from bench.contenders.godwit import check
from bench.rows.sizes import Sizes
from bench.stack import GodwitStack
from bench.work import campaign

SAMPLE_SECONDS = 0.25


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Seconds until the answer; the worker's resident memory in MB while it sends."""
    await stack.carrier.reset()
    posted = await stack.post(campaign(sizes.large))
    samples: list[float] = []
    sampling = asyncio.create_task(_sample(stack, samples))
    try:
        await stack.ended(posted.id)
    finally:
        sampling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sampling
    await check(stack, posted.id, sizes.large)
    values = {"large": posted.seconds}
    if len(samples) >= 6:
        third = len(samples) // 3
        values["large_memory"] = max(samples)
        values["large_flat"] = max(samples[-third:]) / max(samples[:third])
    return values


async def _sample(stack: GodwitStack, samples: list[float]) -> None:
    while True:
        sizes = [_resident(pid) for pid in stack.pids()["workers"]]
        samples += [size for size in sizes if size is not None]
        await asyncio.sleep(SAMPLE_SECONDS)


def _resident(pid: int) -> float | None:
    """The resident memory of a process in MB, None where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    sizes = [float(line.split()[1]) / 1_024 for line in lines if line.startswith("VmRSS")]
    return sizes[0] if sizes else None
