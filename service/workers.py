"""Workers that end in time, and the workers of a process as one."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.worker import Worker

from telemetry.logs import get_logger

log = get_logger("godwit.worker")

GRACEFUL_SHUTDOWN = timedelta(seconds=20)
# Beyond its grace, a worker that does not come to its end is left behind.
SHUTDOWN_PATIENCE = timedelta(seconds=10)


class EndingWorker(Worker):
    """A Worker whose end has a deadline, so that a deploy never hangs.

    The SDK waits for ever for a workflow that it cannot evict, and it cannot evict one whose
    workflow task its deadlock detector broke off (2 s: an overloaded machine is enough).
    """

    async def __aexit__(self, exc_type: type[BaseException] | None, *args: Any) -> None:
        """Shut down within the grace and some patience; whatever is left dies with the process."""
        patience = (GRACEFUL_SHUTDOWN + SHUTDOWN_PATIENCE).total_seconds()
        ending = asyncio.timeout(patience)
        try:
            async with ending:
                await super().__aexit__(exc_type, *args)
        except TimeoutError:
            if not ending.expired():
                raise
            log.error("a worker did not end in time and is left behind", seconds=patience)


class Crew:
    """Workers of one process that begin and end together."""

    def __init__(self, *workers: Worker) -> None:
        self._workers = workers

    async def __aenter__(self) -> None:
        """Begin to poll on every task queue."""
        for worker in self._workers:
            await worker.__aenter__()

    async def __aexit__(self, *raised: Any) -> None:
        """End them side by side, since each may need the whole of its grace."""
        ends = (worker.__aexit__(*raised) for worker in self._workers)
        ended = await asyncio.gather(*ends, return_exceptions=True)
        for failure in ended:
            if isinstance(failure, BaseException):
                raise failure
