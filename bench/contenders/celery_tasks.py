"""(d) Celery on Redis: a task for each recipient, acknowledged late, tried again when it fails."""

import asyncio
import os
import sys

import httpx
from celery import Celery  # type: ignore[import-not-found]
from celery.signals import worker_process_init  # type: ignore[import-not-found]

from bench.contenders.job import Clock, Job
from bench.work import WARM_UP, handoff, request_body

# Processes of its worker: on two cores more were not quicker.
PROCESSES = 4
POLL_SECONDS = 0.05

app = Celery("bench", broker=os.environ.get("BENCH_REDIS", ""))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)
_client: httpx.Client | None = None


@worker_process_init.connect  # type: ignore[untyped-decorator]
def open_client(**_: object) -> None:
    """Keep one client for the life of a process, as one should."""
    global _client
    _client = httpx.Client(base_url=os.environ["BENCH_CARRIER"], timeout=10, trust_env=False)


@app.task(  # type: ignore[untyped-decorator]
    name="send_one", autoretry_for=(httpx.TransportError,), retry_backoff=True, max_retries=3
)
def send_one(index: int) -> None:
    """Send one message."""
    assert _client is not None
    _client.post("/messages", json=request_body(handoff(index))).raise_for_status()


async def contend(job: Job) -> dict[str, float]:
    """See :mod:`bench.contenders`."""
    environment = {**os.environ, "BENCH_REDIS": job.server, "BENCH_CARRIER": job.url}
    command = [sys.executable, "-m", "celery", "-A", "bench.contenders.celery_tasks", "worker"]
    command += ["--concurrency", str(PROCESSES), "--loglevel", "ERROR"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.conf.broker_url = job.server
    worker = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(base_url=job.url, trust_env=False) as carrier:
            await _run(carrier, WARM_UP, WARM_UP)
            clock = Clock(job)
            await _run(carrier, job.count, WARM_UP + job.count)
            return clock.stop()
    finally:
        if worker.returncode is None:
            worker.terminate()
        await worker.wait()


async def _run(carrier: httpx.AsyncClient, count: int, taken: int) -> None:
    """Queue tasks and wait until the carrier took that many in all."""
    with app.producer_pool.acquire() as producer:
        for index in range(count):
            send_one.apply_async((index,), producer=producer)
    while (await carrier.get("/stats")).json()["count"] < taken:
        await asyncio.sleep(POLL_SECONDS)
