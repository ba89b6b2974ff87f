"""The due storm: many small campaigns due at the same second."""

import asyncio
import time
from datetime import UTC, datetime

from bench.figures import percentile
from bench.rows.sizes import Sizes
from bench.stack import GodwitStack
from bench.usage import cpu_by_part, gained, sqlite_bytes
from bench.work import campaign

RECIPIENTS = 10
POSTS_AT_ONCE = 4
# A few are posted first, to guess when all will be admitted; the storm begins after that.
PROBES = 20
SLACK = 1.2
ROOM_SECONDS = 3.0
SERIES = (
    *("storm_p50", "storm_p99", "storm_last"),
    *("small_cpu", "small_bytes", "small_events", "later_events"),
)


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """How long after the hour the messages came, and what a small campaign costs in all."""
    far = datetime.fromtimestamp(time.time() + 86_400, UTC)
    began = time.time()
    probes = await post_many(stack, PROBES, far)
    each = (time.time() - began) / PROBES
    await asyncio.gather(*(stack.order(one, "cancel") for one in probes))
    await asyncio.gather(*(stack.ended(one) for one in probes))
    await stack.carrier.reset()
    due = float(int(time.time() + each * sizes.storm * SLACK + ROOM_SECONDS) + 1)
    before, bytes_before = cpu_by_part(stack.parts()), sqlite_bytes(stack.data / "temporal.db")
    ids = await post_many(stack, sizes.storm, datetime.fromtimestamp(due, UTC))
    if time.time() > due - 1:
        raise RuntimeError("the hour came before all campaigns were admitted")
    await asyncio.gather(*(stack.ended(one) for one in ids))
    spent = gained(before, cpu_by_part(stack.parts()))
    grown = sqlite_bytes(stack.data / "temporal.db") - bytes_before
    lags = [at - due for at in await stack.carrier.times()]
    if len(lags) != sizes.storm * RECIPIENTS or min(lags) < 0:
        raise RuntimeError(f"{len(lags)} messages came, the first {min(lags):.3f} s after the hour")
    (at_once,) = await post_many(stack, 1, None)
    await stack.ended(at_once)
    (events, _), (later, _) = [await stack.history(one) for one in (at_once, ids[0])]
    costs = {name: seconds / sizes.storm * 1_000 for name, seconds in spent.items()}
    return {
        **({"small_cpu": sum(costs.values())} if costs else {}),
        **{f"small_cpu.{part}": each for part, each in costs.items()},
        "small_bytes": grown / sizes.storm,
        "small_events": float(events),
        "later_events": float(later),
        "storm_p50": percentile(lags, 50),
        "storm_p99": percentile(lags, 99),
        "storm_last": max(lags),
    }


async def post_many(stack: GodwitStack, count: int, due: datetime | None) -> list[str]:
    """Create so many campaigns of ten that are due then, or at once; their ids."""
    places = asyncio.Semaphore(POSTS_AT_ONCE)

    async def post() -> str:
        async with places:
            body = campaign(RECIPIENTS, due, first=stack.fresh(RECIPIENTS))
            return (await stack.post(body)).id

    return await asyncio.gather(*(post() for _ in range(count)))
