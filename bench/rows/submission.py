"""How long a POST takes until the campaign is judged, paid and answered."""

from bench.contenders.godwit import check
from bench.rows.sizes import Sizes
from bench.stack import GodwitStack
from bench.work import campaign


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Seconds until the answer."""
    await stack.carrier.reset()
    posted = await stack.post(campaign(sizes.count))
    await stack.ended(posted.id)
    await check(stack, posted.id, sizes.count)
    return {"submission": posted.seconds}
