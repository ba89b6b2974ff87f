"""Whether twice the recipients cost twice the time, up to the largest campaign of a route."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bench.contenders.godwit import Outcome, contend
from bench.figures import linear_fit_r2
from bench.rows.sizes import Sizes
from bench.stack import GodwitStack
from bench.usage import resident_megabytes, sqlite_bytes

SAMPLE_SECONDS = 0.25
SERIES = (
    *("growth_1", "growth_2", "growth_3", "growth_4", "growth_r2"),
    *("large", "large_memory", "large_flat"),
    *("history_events", "history_size", "history_per_100"),
    *("history_large_events", "history_large_size", "sqlite_bytes"),
)


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Time, history, memory and bytes of campaigns of four sizes."""
    file = stack.data / "godwit.db"
    bytes_before = sqlite_bytes(file)
    result: dict[int, Outcome] = {}
    samples: list[float] = []
    for count in sizes.growing:
        # Memory counts while the largest is sent, and that is the last.
        samples.clear()
        async with _sampling(stack, samples):
            result[count] = await contend(stack, count)
    values = {
        f"growth_{place}": result[count].whole / count * 1_000
        for place, count in enumerate(sizes.growing, start=1)
    }
    values["growth_r2"] = linear_fit_r2([(count, one.whole) for count, one in result.items()])
    values["large"] = result[sizes.large].posting
    for name, count in (("history", sizes.count), ("history_large", sizes.large)):
        events, size = await stack.history(result[count].id)
        values[f"{name}_events"] = float(events)
        values[f"{name}_size"] = size / 1_000
    values["history_per_100"] = values["history_events"] / sizes.count * 100
    values["sqlite_bytes"] = (sqlite_bytes(file) - bytes_before) / sum(sizes.growing)
    return values | _memory(samples)


def _memory(samples: list[float]) -> dict[str, float]:
    """The most of the worker's memory, and how its last third compares with its first."""
    third = len(samples) // 3
    if third < 2:
        return {}
    flat = max(samples[-third:]) / max(samples[:third])
    return {"large_memory": max(samples), "large_flat": flat}


@contextlib.asynccontextmanager
async def _sampling(stack: GodwitStack, samples: list[float]) -> AsyncIterator[None]:
    task = asyncio.create_task(_sample(stack, samples))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _sample(stack: GodwitStack, samples: list[float]) -> None:
    """Note the worker's memory from its first message on."""
    while not (await stack.carrier.stats()).count:
        await asyncio.sleep(SAMPLE_SECONDS)
    while True:
        sizes = [resident_megabytes(pid) for pid in stack.parts()["worker"]]
        samples += [size for size in sizes if size is not None]
        await asyncio.sleep(SAMPLE_SECONDS)
