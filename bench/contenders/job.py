"""What a contender is given to do, and the clock that it starts when it is warm."""

import os
import time
from dataclasses import dataclass

from bench.usage import cpu_by_part, gained


@dataclass(frozen=True, slots=True)
class Job:
    """So many messages to the carrier at ``url``, at most ``at_once`` of them under way.

    ``server`` is the address of whatever server the contender asked for, and ``pid`` its process.
    """

    url: str
    count: int
    at_once: int
    server: str = ""
    pid: int = 0


class Clock:
    """Counts seconds, and the processor time of a process with its children and of the server.

    The process is this one unless it is given. The clock runs from its making on.
    """

    def __init__(self, job: Job, own: int | None = None) -> None:
        self._parts = {"own": [own or os.getpid()], **({"server": [job.pid]} if job.pid else {})}
        self._before = cpu_by_part(self._parts)
        self._began = time.perf_counter()

    def stop(self) -> dict[str, float]:
        """The ``seconds`` so far, and those of the processor by part."""
        seconds = time.perf_counter() - self._began
        return {"seconds": seconds, **gained(self._before, cpu_by_part(self._parts))}
