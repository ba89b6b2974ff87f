"""(b) What one writes first: ``httpx.AsyncClient`` as it comes, and a semaphore."""

import httpx

from bench.contenders.job import Job
from bench.contenders.loop import timed
from bench.work import request_body
from campaign.handoffs import Handoff


async def contend(job: Job) -> dict[str, float]:
    """See :mod:`bench.contenders`."""
    async with httpx.AsyncClient(base_url=job.url, timeout=10, trust_env=False) as client:

        async def send(message: Handoff) -> None:
            answer = await client.post("/messages", json=request_body(message))
            if answer.status_code != 201 or not answer.json()["id"]:
                raise RuntimeError("the carrier did not take a message")

        return await timed(send, job)
