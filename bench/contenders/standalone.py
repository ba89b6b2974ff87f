"""(f) Temporal's Standalone Activities: one for each recipient, started without a workflow."""

import asyncio
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from bench.contenders.job import Clock, Job
from bench.contenders.transport import TIMEOUT_SECONDS
from bench.work import WARM_UP, handoff
from carriers.pretend import PretendCarrier, PretendSettings

QUEUE = "bench"
TIMEOUT = timedelta(seconds=30)


async def contend(job: Job) -> dict[str, float]:
    """See :mod:`bench.contenders`."""
    client = await Client.connect(job.server)
    carrier = PretendCarrier(PretendSettings(base_url=job.url), TIMEOUT_SECONDS)
    places = asyncio.Semaphore(job.at_once)
    answered = asyncio.Semaphore(0)

    @activity.defn(name="send_one")
    async def send_one(index: int) -> str:
        taken = await carrier.send(handoff(index))
        answered.release()
        return taken.carrier_id

    async def start(index: int, name: str) -> None:
        async with places:
            await client.start_activity(
                send_one,
                index,
                id=f"{name}-{index}",
                task_queue=QUEUE,
                start_to_close_timeout=TIMEOUT,
            )

    async def run(name: str, count: int) -> None:
        await asyncio.gather(*(start(index, name) for index in range(count)))
        for _ in range(count):
            await answered.acquire()

    try:
        async with Worker(
            client,
            task_queue=QUEUE,
            activities=[send_one],
            max_concurrent_activities=job.at_once,
        ):
            await run("warm-up", WARM_UP)
            clock = Clock(job)
            await run("measured", job.count)
            return clock.stop()
    finally:
        await carrier.close()
