"""(c) Temporal as its tutorials use it: one workflow, and one activity for each recipient."""

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from bench.contenders.job import Clock, Job
from bench.contenders.per_recipient_story import AT_ONCE, PerRecipient
from bench.contenders.transport import TIMEOUT_SECONDS
from bench.work import WARM_UP, handoff
from carriers.pretend import PretendCarrier, PretendSettings

QUEUE = "bench"


async def contend(job: Job) -> dict[str, float]:
    """See :mod:`bench.contenders`."""
    client = await Client.connect(job.server)
    carrier = PretendCarrier(PretendSettings(base_url=job.url), TIMEOUT_SECONDS)

    @activity.defn(name="send_one")
    async def send_one(index: int) -> str:
        return (await carrier.send(handoff(index))).carrier_id

    async def run(name: str, count: int) -> None:
        await client.execute_workflow(PerRecipient.run, count, id=name, task_queue=QUEUE)

    try:
        async with Worker(
            client,
            task_queue=QUEUE,
            workflows=[PerRecipient],
            activities=[send_one],
            max_concurrent_activities=AT_ONCE,
        ):
            await run("warm-up", WARM_UP)
            clock = Clock(job)
            await run("measured", job.count)
            return clock.stop()
    finally:
        await carrier.close()
