"""Erasing a person: the store forgets them, and the messages that are being sent get their end."""

import asyncio

from campaign.people import Erasure
from store.clock import wall_clock
from store.database.threads import read_in_thread
from store.store import Store

# As long as a worker may take for a message that it has claimed.
UNDER_WAY_SECONDS = 20.0
UNDER_WAY_POLL_SECONDS = 0.1


async def erase_person(store: Store, account_id: str, number: str) -> tuple[Erasure, int]:
    """Erase a number from an account; see :meth:`store.people.erasure.Eraser.erase`.

    Waits up to 20 seconds for the messages that a worker is sending at this moment, and returns
    the erasure with how many of them had no outcome by then. Raises StoreError if it is not a
    phone number.
    """
    erasure = await asyncio.to_thread(store.eraser.erase, account_id, number, wall_clock())
    return erasure, await _wait(store, erasure)


async def _wait(store: Store, erasure: Erasure) -> int:
    """Wait for the messages that are being sent; how many still are."""
    left = len(erasure.under_way)
    clock = asyncio.get_running_loop().time
    until = clock() + UNDER_WAY_SECONDS
    while left:
        left = await read_in_thread(store.eraser.under_way, erasure.under_way, wall_clock())
        if not left or clock() > until:
            break
        await asyncio.sleep(UNDER_WAY_POLL_SECONDS)
    return left
