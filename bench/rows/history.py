"""What a campaign costs in Temporal's history."""

from bench.rows.sizes import Sizes
from bench.stack import GodwitStack
from bench.work import campaign


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Events and kilobytes of one campaign that is sent at once."""
    posted = await stack.post(campaign(sizes.count))
    await stack.ended(posted.id)
    described = await stack.describe(posted.id)
    info = described.raw_description.workflow_execution_info
    return {
        "history_events": float(info.history_length),
        "history_per_100": info.history_length / sizes.count * 100,
        "history_size": info.history_size_bytes / 1_000,
    }
