"""Ask the store, and wait while it is away: answers under way are worth more than a quick end."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from campaign.failures import StoreUnavailable
from campaign.instants import Instant
from telemetry.logs import get_logger

STORE_WAITS_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0)

T = TypeVar("T")

log = get_logger("godwit.activities")


async def retry_while_unavailable(ask: Callable[[Instant], T], now: Callable[[], Instant]) -> T:
    """Call ``ask`` in a thread with the time of each try; what it asks must bear repeating.

    Raises StoreUnavailable when the store stays away for a minute.
    """
    for wait in STORE_WAITS_SECONDS:
        try:
            return await asyncio.to_thread(ask, now())
        except StoreUnavailable as error:
            log.warning("the store is away", reason=str(error), seconds=wait)
            await asyncio.sleep(wait)
    raise StoreUnavailable("the database stayed away")
