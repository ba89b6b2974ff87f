"""The wait between the last message of a canary and the first one of the others."""

from collections.abc import Callable

from campaign.instants import SECOND, Instant
from workflows import timers
from workflows.orders import Orders
from workflows.plan_changes import PlanChanges
from workflows.receipts import WAITS_SECONDS


class CanaryWait:
    """Waits on durable timers, at longer and longer intervals, until a canary is decided.

    Whatever ends a wait early, a pause say, ``held`` becomes true. How often a run has looked is
    not part of its state: the next run begins with short waits.
    """

    def __init__(self, changes: PlanChanges, orders: Orders, held: Callable[[], bool]) -> None:
        self._changes = changes
        self._orders = orders
        self._held = held
        self._looks = 0

    async def wait(self, until: Instant) -> None:
        """Wait a while, not longer than ``until``; after that, decide about the canary.

        The store may have paused the campaign then, so its orders are looked up.
        """
        left = until - timers.now()
        if left > 0:
            seconds = WAITS_SECONDS[min(self._looks, len(WAITS_SECONDS) - 1)]
            self._looks += 1
            await timers.wait_for(
                min(seconds, left / SECOND), self._held, "wait for receipts of the canary"
            )
        else:
            await self._changes.end_canary()
            self._orders.behind = True
