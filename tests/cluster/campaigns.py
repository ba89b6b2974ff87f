"""Campaigns of which it is known beforehand when each of their messages leaves."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.customers import Customers, Posted
from tests.cluster.dialects import TEXT, numbers

# Enough for a rate to be set before the first message.
START_SECONDS = 5.0


async def post_with_rate(customers: Customers, block: int, people: int, rate: float) -> Posted:
    """Post a campaign to the first numbers of a block, with so many messages a second."""
    posted = await post(customers, f"steady-{block}", numbers(block, people), later(START_SECONDS))
    await customers.order(posted, "rate", rate, {"rate": rate})
    return posted


async def post(
    customers: Customers, key: str, people: Sequence[str], start: str | None = None
) -> Posted:
    """Post a campaign under a key; without a start it begins at once."""
    body: dict[str, Any] = {
        "text": TEXT,
        "recipients": [{"to": to} for to in people],
        "idempotencyKey": key,
    }
    return await customers.post(body | ({"scheduleDateTime": start} if start else {}))


async def post_own_times(
    customers: Customers, key: str, people: Sequence[str], seconds: Sequence[float]
) -> Posted:
    """Post a campaign in which each person has a time of their own, so long from now."""
    recipients = [
        {"to": to, "scheduleDateTime": later(after)}
        for to, after in zip(people, seconds, strict=True)
    ]
    return await customers.post({"text": TEXT, "recipients": recipients, "idempotencyKey": key})


def later(seconds: float) -> str:
    """The instant in so many seconds, as the API takes it."""
    start = datetime.now(UTC) + timedelta(seconds=seconds)
    return start.isoformat(timespec="milliseconds")
