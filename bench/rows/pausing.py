"""How long after a pause or a cancel messages still leave."""

from bench.rows.sizes import Sizes
from bench.stack import GodwitStack
from bench.work import campaign

# Nothing for so long: the campaign has really stopped (the budget is 2 s).
QUIET_SECONDS = 3.0


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Seconds from asking for a pause, and for a cancel, to the last message that left."""
    await stack.carrier.reset()
    posted = await stack.post(campaign(sizes.long, first=stack.fresh(sizes.long)))
    await stack.carrier.until(sizes.long // 20)
    pause = await _until_quiet(stack, posted.id, "pause")
    so_far = (await stack.carrier.stats()).count
    await stack.order(posted.id, "resume")
    await stack.carrier.until(so_far + sizes.long // 20)
    cancel = await _until_quiet(stack, posted.id, "cancel")
    await stack.ended(posted.id)
    counts = await stack.counts(posted.id)
    if not counts["cancelled"]:
        raise RuntimeError("the campaign had ended before it could be stopped")
    return {"pause": pause, "cancel": cancel}


async def _until_quiet(stack: GodwitStack, campaign_id: str, verb: str) -> float:
    asked = await stack.order(campaign_id, verb)
    stats = await stack.carrier.until_quiet(QUIET_SECONDS)
    assert stats.last is not None
    return max(0.0, stats.last - asked)
