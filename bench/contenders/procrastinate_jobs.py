"""(e) procrastinate: a job in PostgreSQL for each recipient, tried again when it fails."""

from procrastinate import App, PsycopgConnector  # type: ignore[import-not-found]

from bench.contenders.job import Clock, Job
from bench.contenders.transport import TIMEOUT_SECONDS
from bench.work import WARM_UP, handoff
from carriers.pretend import PretendCarrier, PretendSettings


async def contend(job: Job) -> dict[str, float]:
    """See :mod:`bench.contenders`."""
    app = App(connector=PsycopgConnector(conninfo=job.server, max_size=20))
    carrier = PretendCarrier(PretendSettings(base_url=job.url), TIMEOUT_SECONDS)

    @app.task(name="send_one", retry=3)  # type: ignore[untyped-decorator]
    async def send_one(index: int) -> None:
        await carrier.send(handoff(index))

    async def run(count: int) -> None:
        await send_one.batch_defer_async(*({"index": index} for index in range(count)))
        await app.run_worker_async(
            concurrency=job.at_once, wait=False, listen_notify=False, install_signal_handlers=False
        )

    try:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            await run(WARM_UP)
            clock = Clock(job)
            await run(job.count)
            return clock.stop()
    finally:
        await carrier.close()
