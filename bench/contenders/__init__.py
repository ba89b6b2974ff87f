"""The contenders: a file each, and a line in ``CONTENDERS`` for each that runs as one child.

A module offers ``async def contend(job) -> float``: it warms up with ``WARM_UP`` messages, sends
``job.count`` more, and returns the seconds that those took. Godwit itself runs as its whole stack
(``godwit.py``).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contender:
    """A contender, what server it needs, and which package from ``requirements/bench.txt``.

    One that is ``slow`` sends fewer messages; its rate does not depend on how many.
    """

    name: str
    module: str
    server: str = ""
    package: str = ""
    slow: bool = False


CONTENDERS = (
    Contender("limit", "limit"),
    Contender("bare", "bare"),
    Contender("httpx", "plain_httpx", slow=True),
    Contender("temporal", "per_recipient", "temporal", slow=True),
    Contender("celery", "celery_tasks", "redis", "celery", slow=True),
    Contender("procrastinate", "procrastinate_jobs", "postgres", "procrastinate", slow=True),
)
