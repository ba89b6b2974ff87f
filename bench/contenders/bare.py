"""(a) A bare loop over an ``aiohttp.ClientSession`` that keeps its connections."""

import json
from functools import partial

import aiohttp  # type: ignore[import-not-found]

from bench.contenders.job import Job
from bench.contenders.loop import timed
from bench.contenders.transport import TIMEOUT_SECONDS
from bench.work import request_body
from campaign.handoffs import Handoff

# Those of our own client.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Godwit"}


async def contend(job: Job) -> dict[str, float]:
    """See :mod:`bench.contenders`."""
    async with aiohttp.ClientSession(
        job.url,
        headers=HEADERS,
        connector=aiohttp.TCPConnector(limit=job.at_once),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        json_serialize=partial(json.dumps, separators=(",", ":")),
    ) as session:

        async def send(message: Handoff) -> None:
            async with session.post("/messages", json=request_body(message)) as answer:
                if answer.status != 201 or not (await answer.json())["id"]:
                    raise RuntimeError("the carrier did not take a message")

        return await timed(send, job)
