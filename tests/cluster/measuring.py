"""What the installation uses for messages, how late they are, and what a lost node costs."""

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bench.figures import median, percentile
from tests.cluster.load import Load, Posted, Sent
from tests.cluster.system import Cluster
from tests.cluster.usage import processor_seconds, spent_between

LARGE, SMALL = 5_000, 10
WORKERS = (3, 2, 1)
IDLE_SECONDS = 10.0
# The carrier's last answers are recorded within this, and its receipts come later (scale.yml).
RECORDED_SECONDS = 1.0
RECEIPT_SECONDS = 30.0
HEALTHY_SECONDS = 60.0
TIMES_FASTER = 60
DAY_SECONDS = 86_400 / TIMES_FASTER
# An hour of a campaign's spread, and how long before its start it is posted.
SPREAD_SECONDS, AHEAD_SECONDS = 3_600 / TIMES_FASTER, 10.0
LOST_ROLE = "temporal-history"
LOST_SIZE, LOST_INTERVAL = 50, 0.25
CALM_SECONDS, AWAY_SECONDS, BACK_SECONDS = 20.0, 20.0, 20.0
LATE_SECONDS = 1.0


@dataclass(frozen=True)
class Cost:
    """What campaigns of one size used: processor seconds by part, for sending and for receipts."""

    messages: int
    campaigns: int
    sending: dict[str, float]
    receipts: dict[str, float]
    post_seconds: float
    rate: float


@dataclass(frozen=True)
class Costs:
    """With so many workers: the processor time of a second without work, and of campaigns."""

    workers: int
    idle: dict[str, float]
    large: Cost
    small: Cost


@dataclass(frozen=True)
class Lateness:
    """How late messages were sent, in seconds."""

    name: str
    messages: int
    p50: float
    p99: float
    most: float
    posts: Sequence[float] = ()


@dataclass
class Day:
    """A part of a day at ``TIMES_FASTER`` times its speed; ``busy`` are processors in use, by part.

    They are read while campaigns overlap as they do all day: not in the first and the last hour.
    """

    messages_a_day: int
    seconds: float
    lateness: Lateness
    delivered: int
    busy: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Loss:
    """Lateness before, during and after a history node was away; seconds until all were prompt."""

    rows: Sequence[Lateness]
    recovery: float


async def costs(system: Cluster, load: Load, large: int, small: int) -> list[Costs]:
    """Measure with three workers, then with two and one; the others are down meanwhile."""
    await load.until_ended([await load.post(LARGE)])
    found = []
    workers = system.installation.of("worker")
    async with AsyncExitStack() as down:
        for count in WORKERS:
            for container in workers[count : count + 1]:
                await down.enter_async_context(system.installation.supervisor.down(container.part))
            accepted = len(await system.carrier_log())
            await load.post_many(count, SMALL)
            await load.until_sent(count * SMALL, accepted)
            idle = await _idle(system)
            of_large = await _cost(system, load, idle, large, LARGE)
            of_small = await _cost(system, load, idle, small, SMALL)
            found.append(Costs(count, idle, of_large, of_small))
    await until_healthy(system, "worker")
    return found


async def day(system: Cluster, load: Load, minutes: float, messages_a_day: int) -> Day:
    """Send at the rate of a day at ``TIMES_FASTER`` times its speed, for so many minutes of now.

    Campaigns of ``LARGE`` start one after the other, each spread over an hour of the day.
    """
    interval = LARGE / (messages_a_day / DAY_SECONDS)
    begin = time.time() + 2 * AHEAD_SECONDS
    starts = [begin + number * interval for number in range(math.ceil(minutes * 60 / interval))]
    async with asyncio.TaskGroup() as group:
        busy = group.create_task(_busy(system, begin + SPREAD_SECONDS, starts[-1] + interval))
        tasks = [group.create_task(_post_before(load, LARGE, at, SPREAD_SECONDS)) for at in starts]
    posted = [task.result() for task in tasks]
    await load.until_ended(posted)
    messages = await asyncio.to_thread(load.messages, posted)
    return Day(
        messages_a_day,
        len(starts) * interval,
        lateness("all", [each.sent - each.due for each in messages], posted),
        sum(each.is_delivered for each in messages),
        busy.result(),
    )


async def loss(system: Cluster, load: Load) -> Loss:
    """Send small campaigns at an even rate, and keep one history node away for a while."""
    begin = time.time() + AHEAD_SECONDS
    away, back = begin + CALM_SECONDS, begin + CALM_SECONDS + AWAY_SECONDS
    part = system.installation.of(LOST_ROLE)[0].part
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_post_before(load, LOST_SIZE, begin + number * LOST_INTERVAL))
            for number in range(int((back + BACK_SECONDS - begin) / LOST_INTERVAL))
        ]
        await asyncio.sleep(away - time.time())
        async with system.installation.supervisor.down(part):
            await asyncio.sleep(back - time.time())
    posted = [task.result() for task in tasks]
    await until_healthy(system, LOST_ROLE)
    await load.until_ended(posted)
    return loss_between(posted, await asyncio.to_thread(load.messages, posted), away, back)


def loss_between(
    posted: Sequence[Posted], messages: Sequence[Sent], away: float, back: float
) -> Loss:
    """The lateness of messages that were due before a node was away, meanwhile, and later.

    Recovery is from the loss to the last due instant of a message that was late while the node
    was away.
    """
    starts = {each.id: each.start or each.asked_at for each in posted}
    rows = []
    for name, since, until in (
        ("before", 0.0, away),
        ("while it is away", away, back),
        ("after its return", back, math.inf),
    ):
        late = [
            each.sent - starts[each.campaign]
            for each in messages
            if since <= starts[each.campaign] < until
        ]
        asked = [each for each in posted if since <= each.asked_at < until]
        rows.append(lateness(name, late, asked))
    late_starts = [
        starts[each.campaign]
        for each in messages
        if away <= starts[each.campaign] < back and each.sent - starts[each.campaign] > LATE_SECONDS
    ]
    return Loss(rows, max(late_starts, default=away) - away)


def lateness(name: str, seconds: Sequence[float], posted: Sequence[Posted]) -> Lateness:
    """The distribution of seconds, and how long the POSTs of campaigns took."""
    return Lateness(
        name,
        len(seconds),
        percentile(seconds, 50),
        percentile(seconds, 99),
        max(seconds),
        [each.seconds for each in posted],
    )


async def until_healthy(system: Cluster, role: str) -> None:
    """Wait until all replicas of a role are healthy."""
    async with asyncio.timeout(HEALTHY_SECONDS):
        for container in system.installation.of(role):
            while not await container.is_healthy(system.installation.network):
                await asyncio.sleep(0.2)


async def _cost(
    system: Cluster, load: Load, idle: dict[str, float], campaigns: int, size: int
) -> Cost:
    accepted = len(await system.carrier_log())
    started, before = time.monotonic(), processor_seconds(system.installation)
    posted = await load.post_many(campaigns, size)
    await load.until_sent(campaigns * size, accepted)
    await asyncio.sleep(RECORDED_SECONDS)
    sent_at, middle = time.monotonic(), processor_seconds(system.installation)
    assert sent_at - started < RECEIPT_SECONDS, "receipts came while messages were sent: send less"
    await load.until_ended(posted)
    ended_at, after = time.monotonic(), processor_seconds(system.installation)
    messages = await asyncio.to_thread(load.messages, posted)
    instants = [each.sent for each in messages]
    return Cost(
        len(messages),
        campaigns,
        spent_between(before, middle, idle, sent_at - started),
        spent_between(middle, after, idle, ended_at - sent_at),
        median([each.seconds for each in posted]),
        len(messages) / max(0.001, max(instants) - min(instants)),
    )


async def _idle(system: Cluster) -> dict[str, float]:
    return await _busy(system, time.time(), time.time() + IDLE_SECONDS)


async def _busy(system: Cluster, since: float, until: float) -> dict[str, float]:
    """The processors in use, by part, between two instants."""
    await asyncio.sleep(min(since, until - IDLE_SECONDS) - time.time())
    began, before = time.monotonic(), processor_seconds(system.installation)
    await asyncio.sleep(until - time.time())
    spent = spent_between(before, processor_seconds(system.installation))
    return {part: used / (time.monotonic() - began) for part, used in spent.items()}


async def _post_before(load: Load, size: int, start: float, spread: float = 0.0) -> Posted:
    """Post a campaign some seconds before its start."""
    await asyncio.sleep(max(0.0, start - AHEAD_SECONDS - time.time()))
    return await load.post(size, start, spread)
