"""Ours: the whole way of a campaign, from its POST over HTTP until it is settled."""

from dataclasses import dataclass

from bench.stack import GodwitStack
from bench.work import WARM_UP, campaign

# Recipients enough for chunks on each of two workers.
WARM_UP_TWO = 3_000


async def warm_up(stack: GodwitStack, workers: int = 1) -> None:
    """Let a campaign pass, so that connections are open and everything is imported."""
    count = WARM_UP if workers == 1 else WARM_UP_TWO
    posted = await stack.post(campaign(count, first=stack.fresh(count)))
    await stack.ended(posted.id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A campaign that was sent, in seconds.

    ``posting`` is from the POST to its answer, ``whole`` from the POST to the settled books,
    ``sending`` from the first send to the last.
    """

    id: str
    posting: float
    whole: float
    sending: float


async def contend(stack: GodwitStack, count: int) -> Outcome:
    """Send one campaign from its POST to its end."""
    body = campaign(count, first=stack.fresh(count))
    await stack.carrier.reset()
    posted = await stack.post(body)
    ended = await stack.ended(posted.id)
    await check(stack, posted.id, count)
    stats = await stack.carrier.stats()
    assert stats.first is not None and stats.last is not None
    return Outcome(posted.id, posted.seconds, ended - posted.began, stats.last - stats.first)


async def check(stack: GodwitStack, campaign_id: str, count: int) -> None:
    """Raise RuntimeError unless all were sent, and the carrier has each of them once."""
    counts, stats = await stack.counts(campaign_id), await stack.carrier.stats()
    if (counts["sent"], stats.count) != (count, count):
        raise RuntimeError(f"sent {counts['sent']}, taken {stats.count}, of {count}")
