"""The time that a request may take until its answer starts; more for one that progresses."""

import asyncio

from fastapi import Request

# Where a request's scope has the deadline of its answer.
DEADLINE = "godwit.deadline"


def extend(request: Request, seconds: float) -> None:
    """Give a request so many seconds from now on, if it has a deadline."""
    deadline: asyncio.Timeout | None = request.scope.get(DEADLINE)
    if deadline is not None:
        deadline.reschedule(asyncio.get_running_loop().time() + seconds)
