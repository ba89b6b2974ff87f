"""How long after a pause, an emergency stop or a cancel messages still leave."""

import time

from bench.rows.sizes import Sizes
from bench.stack import GodwitStack
from bench.work import campaign

# Nothing for so long: the campaign has really stopped (the budget is 1 s).
QUIET_SECONDS = 3.0
# What each is taken back with.
BACK = {"pause": "resume", "stop": "start", "cancel": ""}
SERIES = tuple(BACK)


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Seconds from asking for each to the last message that left."""
    await stack.carrier.reset()
    posted = await stack.post(campaign(sizes.long, first=stack.fresh(sizes.long)))
    values: dict[str, float] = {}
    sent = 0
    for verb, back in BACK.items():
        await stack.carrier.until(sent + sizes.long // 20)
        asked = await _ask(stack, posted.id, verb)
        stats = await stack.carrier.until_quiet(QUIET_SECONDS)
        assert stats.last is not None
        values[verb], sent = max(0.0, stats.last - asked), stats.count
        if back:
            await _ask(stack, posted.id, back)
    await stack.ended(posted.id)
    counts = await stack.counts(posted.id)
    if not counts["cancelled"]:
        raise RuntimeError("the campaign had ended before it could be stopped")
    return values


async def _ask(stack: GodwitStack, campaign_id: str, verb: str) -> float:
    """Ask for it, the brake for the whole account; when that was."""
    if verb not in ("stop", "start"):
        return await stack.order(campaign_id, verb)
    began = time.time()
    (await stack.api.post(f"/v1/{verb}")).raise_for_status()
    return began
