"""Ours: the whole way of a campaign, from its POST over HTTP until it is settled."""

from dataclasses import dataclass

from bench.stack import GodwitStack
from bench.work import WARM_UP, campaign


async def warm_up(stack: GodwitStack) -> None:
    """Let a small campaign pass, so that connections are open and everything is imported."""
    posted = await stack.post(campaign(WARM_UP, first=stack.fresh(WARM_UP)))
    await stack.ended(posted.id)


@dataclass(frozen=True, slots=True)
class Told:
    """A campaign that was sent, in seconds.

    ``posting`` is from the POST to its answer, ``whole`` from the POST to the settled books,
    ``sending`` from the first send to the last.
    """

    id: str
    posting: float
    whole: float
    sending: float


async def contend(stack: GodwitStack, count: int) -> Told:
    """Send one campaign from its POST to its end."""
    body = campaign(count, first=stack.fresh(count))
    await stack.carrier.reset()
    posted = await stack.post(body)
    ended = await stack.ended(posted.id)
    await check(stack, posted.id, count)
    stats = await stack.carrier.stats()
    assert stats.first is not None and stats.last is not None
    return Told(posted.id, posted.seconds, ended - posted.began, stats.last - stats.first)


async def check(stack: GodwitStack, campaign_id: str, count: int) -> None:
    """Raise RuntimeError unless all were sent, and the carrier has each of them once."""
    counts, stats = await stack.counts(campaign_id), await stack.carrier.stats()
    if (counts["sent"], stats.count) != (count, count):
        raise RuntimeError(f"sent {counts['sent']}, taken {stats.count}, of {count}")
