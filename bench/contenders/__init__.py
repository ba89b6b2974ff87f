"""The contenders: a file each, and a line in ``CONTENDERS`` for each that runs as one child.

A module offers ``async def contend(job) -> dict[str, float]``: it warms up with ``WARM_UP``
messages, sends ``job.count`` more, and returns what a ``Clock`` says of those. Godwit itself runs
as its whole stack (``godwit.py``).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contender:
    """A contender, and what it needs: a server, a package of ``requirements/bench.txt``, a program.

    One that is ``slow`` sends fewer messages; its rate does not depend on how many.
    """

    name: str
    module: str
    server: str = ""
    package: str = ""
    program: str = ""
    slow: bool = False


CONTENDERS = (
    Contender("limit", "limit"),
    Contender("bare", "bare", package="aiohttp"),
    Contender("transport", "transport"),
    Contender("httpx", "plain_httpx", slow=True),
    Contender("temporal", "per_recipient", "temporal", slow=True),
    Contender("celery", "celery_tasks", "redis", "celery", slow=True),
    Contender("procrastinate", "procrastinate_jobs", "postgres", "procrastinate", slow=True),
    Contender("standalone", "standalone", "temporal", slow=True),
    Contender("pgqueuer", "pgqueuer_jobs", "postgres", "pgqueuer"),
    Contender("listmonk", "listmonk", "postgres", program="go"),
)
