"""The same loop over our own carrier client: what sending costs when nothing is remembered."""

from bench.contenders.job import Job
from bench.contenders.loop import timed
from carriers.pretend import PretendCarrier, PretendSettings

TIMEOUT_SECONDS = 10.0


async def contend(job: Job) -> dict[str, float]:
    """See :mod:`bench.contenders`."""
    carrier = PretendCarrier(PretendSettings(base_url=job.url), TIMEOUT_SECONDS)
    try:
        return await timed(carrier.send, job)
    finally:
        await carrier.close()
