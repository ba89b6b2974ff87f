"""Ours: the whole way of a campaign, from its POST over HTTP until it is settled."""

from bench.stack import GodwitStack
from bench.work import WARM_UP, campaign


async def warm_up(stack: GodwitStack) -> None:
    """Let a small campaign pass, so that connections are open and everything is imported."""
    posted = await stack.post(campaign(WARM_UP))
    await stack.ended(posted.id)


async def contend(stack: GodwitStack, count: int) -> dict[str, float]:
    """Seconds from the POST to the settled books, and from the first send to the last."""
    body = campaign(count)
    await stack.carrier.reset()
    posted = await stack.post(body)
    ended = await stack.ended(posted.id)
    await check(stack, posted.id, count)
    stats = await stack.carrier.stats()
    assert stats.first is not None and stats.last is not None
    return {"whole": ended - posted.began, "sending": stats.last - stats.first}


async def check(stack: GodwitStack, campaign_id: str, count: int) -> None:
    """Raise RuntimeError unless all were sent, and the carrier has each of them once."""
    counts, stats = await stack.counts(campaign_id), await stack.carrier.stats()
    if (counts["sent"], stats.count) != (count, count):
        raise RuntimeError(f"sent {counts['sent']}, taken {stats.count}, of {count}")
