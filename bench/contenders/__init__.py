"""The contenders: a file each, and a line in ``CONTENDERS`` for each that runs as one child.

A module offers ``async def contend(job) -> float``: it warms up with ``WARM_UP`` messages, sends
``job.count`` more, and returns the seconds that those took. Godwit itself runs as its whole stack
(``godwit.py``).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contender:
    """A contender, what server it needs, and which package from ``requirements/bench.txt``."""

    name: str
    module: str
    server: str = ""
    package: str = ""


CONTENDERS = (
    Contender("limit", "limit"),
    Contender("bare", "bare"),
    Contender("httpx", "plain_httpx"),
    Contender("temporal", "per_recipient", "temporal"),
    Contender("celery", "celery_tasks", "redis", "celery"),
    Contender("procrastinate", "procrastinate_jobs", "postgres", "procrastinate"),
)
