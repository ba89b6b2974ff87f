"""(g) pgqueuer: a job in PostgreSQL for each recipient, claimed in batches, logged when done."""

import asyncio

import asyncpg  # type: ignore[import-not-found]
from pgqueuer import PgQueuer  # type: ignore[import-not-found]
from pgqueuer.models import Job as QueuedJob  # type: ignore[import-not-found]

from bench.contenders.job import Clock, Job
from bench.contenders.transport import TIMEOUT_SECONDS
from bench.work import WARM_UP, handoff
from carriers.pretend import PretendCarrier, PretendSettings


async def contend(job: Job) -> dict[str, float]:
    """See :mod:`bench.contenders`."""
    carrier = PretendCarrier(PretendSettings(base_url=job.url), TIMEOUT_SECONDS)
    answered = asyncio.Semaphore(0)
    async with asyncpg.create_pool(job.server, min_size=4, max_size=20) as pool:
        queue = PgQueuer.from_asyncpg_pool(pool)
        await queue.queries.install()

        @queue.entrypoint("send_one")  # type: ignore[untyped-decorator]
        async def send_one(queued: QueuedJob) -> None:
            await carrier.send(handoff(int(queued.payload)))
            answered.release()

        async def run(count: int) -> None:
            payloads = [str(index).encode() for index in range(count)]
            await queue.queries.enqueue(["send_one"] * count, payloads, [0] * count)
            for _ in range(count):
                await answered.acquire()

        # A batch may be half of what is under way at most.
        working = asyncio.create_task(
            queue.run(batch_size=job.at_once // 2, max_concurrent_tasks=job.at_once)
        )
        try:
            await run(WARM_UP)
            clock = Clock(job)
            await run(job.count)
            return clock.stop()
        finally:
            queue.shutdown.set()
            await working
            await carrier.close()
