"""The loop of those who remember nothing: so many senders that take the next message."""

import asyncio
from collections.abc import Awaitable, Callable

from bench.contenders.job import Clock, Job
from bench.work import WARM_UP, handoff
from campaign.handoffs import Handoff

Send = Callable[[Handoff], Awaitable[object]]


async def timed(send: Send, job: Job) -> dict[str, float]:
    """Warm up, then send; what the sends took."""
    await _send_all(send, WARM_UP, job.at_once)
    clock = Clock(job)
    await _send_all(send, job.count, job.at_once)
    return clock.stop()


async def _send_all(send: Send, count: int, at_once: int) -> None:
    places = asyncio.Semaphore(at_once)

    async def one(index: int) -> None:
        try:
            await send(handoff(index))
        finally:
            places.release()

    async with asyncio.TaskGroup() as sends:
        for index in range(count):
            await places.acquire()
            sends.create_task(one(index))
