"""How far from its ideal instant each message of a spread campaign comes to the carrier."""

import math
import time
from datetime import UTC, datetime

from bench.contenders.godwit import check
from bench.figures import percentile
from bench.rows.sizes import Sizes
from bench.stack import GodwitStack
from bench.work import campaign, number_of
from campaign.instants import SECOND
from campaign.schedule import ideal_instants

# Time for the POST to be answered before the first message is due.
ROOM_SECONDS = 8.0
SERIES = ("spread_p50", "spread_p99", "spread_max", "spread_early")


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Seconds between each message's arrival and its ideal instant, and how many came before."""
    await stack.carrier.reset()
    start = math.ceil(time.time() + ROOM_SECONDS)
    due = datetime.fromtimestamp(start, UTC)
    first = stack.fresh(sizes.count)
    posted = await stack.post(campaign(sizes.count, due, sizes.spread_hours, first))
    if time.time() > start:
        raise RuntimeError("the campaign was admitted after its start")
    await stack.ended(posted.id)
    await check(stack, posted.id, sizes.count)
    ideals = ideal_instants(start * SECOND, sizes.spread_hours, sizes.count)
    came = zip(await stack.carrier.bodies(), await stack.carrier.times(), strict=True)
    arrival = {body["to"]: at for body, at in came}
    late = [
        arrival[number_of(number)] - ideal / SECOND
        for number, ideal in enumerate(ideals, start=first)
    ]
    return {
        "spread_p50": percentile(late, 50),
        "spread_p99": percentile(late, 99),
        "spread_max": max(late),
        "spread_early": float(sum(each < 0 for each in late)),
    }
