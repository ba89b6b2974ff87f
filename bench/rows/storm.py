"""The due storm: many small campaigns due at the same second."""

import asyncio
import time
from datetime import UTC, datetime

from bench.figures import percentile
from bench.rows.sizes import Sizes
from bench.stack import GodwitStack
from bench.work import campaign

RECIPIENTS = 10
POSTS_AT_ONCE = 4
# A few are posted first, to guess when all will be admitted; the storm begins after that.
PROBES = 20
SLACK = 1.3
ROOM_SECONDS = 4.0


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """How long after the hour the messages came to the carrier, in seconds."""
    far = datetime.fromtimestamp(time.time() + 86_400, UTC)
    began = time.time()
    probes = await _post(stack, PROBES, far)
    each = (time.time() - began) / PROBES
    await asyncio.gather(*(stack.order(one, "cancel") for one in probes))
    await stack.carrier.reset()
    due = float(int(time.time() + each * sizes.storm * SLACK + ROOM_SECONDS) + 1)
    ids = await _post(stack, sizes.storm, datetime.fromtimestamp(due, UTC))
    if time.time() > due - 1:
        raise RuntimeError("the hour came before all campaigns were admitted")
    await asyncio.gather(*(stack.ended(one) for one in ids))
    lags = [at - due for at in await stack.carrier.times()]
    if len(lags) != sizes.storm * RECIPIENTS or min(lags) < 0:
        raise RuntimeError(f"{len(lags)} messages came, the first {min(lags):.3f} s after the hour")
    return {
        "storm_p50": percentile(lags, 50),
        "storm_p99": percentile(lags, 99),
        "storm_last": max(lags),
    }


async def _post(stack: GodwitStack, count: int, due: datetime) -> list[str]:
    body = campaign(RECIPIENTS, due)
    places = asyncio.Semaphore(POSTS_AT_ONCE)

    async def post() -> str:
        async with places:
            return (await stack.post(body)).id

    return await asyncio.gather(*(post() for _ in range(count)))
