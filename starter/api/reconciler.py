"""Mend what was left behind: lost workflows, drafts without a verdict, deliveries nobody makes."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.instants import DAY, SECOND, Instant
from campaign.settings import Settings
from campaign.states import CampaignStatus
from service.campaigns import CampaignService
from store.clock import wall_clock
from store.store import Store
from telemetry.logs import get_logger
from webhooks.dispatcher import WebhookDispatcher

log = get_logger("godwit.reconciler")

ROUND_SECONDS = 5.0
ROUNDS_A_MINUTE = 12
PAGE = 500
# How much longer than its own waiting an API process may take over a verdict.
PATIENCE_SECONDS = 60.0
# Deliveries that have waited for longer than this may have no courier.
OVERDUE_AFTER: Instant = 30 * SECOND
# How long callbacks can be replayed, and how many are forgotten in one transaction.
CALLBACKS_KEPT: Instant = 14 * DAY
FORGOTTEN_AT_ONCE = 5_000


class Reconciler:
    """Runs beside the API; several at once do no harm, since every step is safe to repeat."""

    def __init__(
        self,
        service: CampaignService,
        store: Store,
        settings: Settings,
        dispatcher: WebhookDispatcher | None = None,
    ) -> None:
        self._service = service
        self._dispatcher = dispatcher
        self._store = store
        self._suppress_after = settings.suppress_after_failures
        self._patience = round((settings.admission_timeout_seconds + PATIENCE_SECONDS) * SECOND)

    async def run(self) -> None:
        """Look for lost workflows and orders every few seconds, for all else each minute."""
        housekeeping = (
            self.withdraw_stale,
            self.restart_deliveries,
            self.forget_deliveries,
            self.suppress_dead_numbers,
        )
        for number in itertools.count():
            steps: list[Callable[[], Awaitable[object]]] = [
                self._service.revive_lost,
                self._service.bring_orders_again,
            ]
            if number % ROUNDS_A_MINUTE == 0:
                steps += housekeeping
            for step in steps:
                await self._try(step)
            await asyncio.sleep(ROUND_SECONDS)

    async def _try(self, step: Callable[[], Awaitable[object]]) -> None:
        """Take a step; one that fails is taken again in its next round and holds up no other."""
        try:
            await step()
        except (ServiceUnavailable, StoreUnavailable) as error:
            log.warning("will look again", step=step.__name__, exc_info=error)
        except Exception as error:
            log.error("unexpected; will look again", step=step.__name__, exc_info=error)

    async def withdraw_stale(self) -> int:
        """Refuse drafts whose API process died before their verdict; returns how many."""
        oldest = await asyncio.to_thread(self._store.clock.now) - self._patience
        drafts = await asyncio.to_thread(
            self._store.campaigns.in_states, {CampaignStatus.DRAFT}, "", PAGE
        )
        stale = [view for view in drafts if view.created_at < oldest]
        for view in stale:
            if await self._service.ran_before(view):
                # Its key stays held: to send it again would double what the run has sent.
                log.warning("Temporal has run this draft to its end", campaign=view.id)
            elif await self._service.withdraw(view):
                log.info("a draft got no verdict in time and is withdrawn", campaign=view.id)
        return len(stale)

    async def restart_deliveries(self) -> int:
        """Start the delivery workflow of each overdue destination; returns how many were started.

        The process that wrote them may have died before it started one, and Temporal may have lost
        one in a power cut. A workflow that only rests is not disturbed.
        """
        restarted, after = 0, ""
        while self._dispatcher is not None:
            destinations = await asyncio.to_thread(
                self._store.deliveries.overdue, wall_clock() - OVERDUE_AFTER, after, PAGE
            )
            await self._dispatcher.signal_all(destinations)
            restarted += len(destinations)
            if len(destinations) < PAGE:
                break
            after = destinations[-1].id
        return restarted

    async def suppress_dead_numbers(self) -> int:
        """Opt out numbers that carriers call dead; returns how many (0 if that is off)."""
        if self._suppress_after == 0:
            return 0
        suppress = self._store.dead_numbers.suppress
        count = await asyncio.to_thread(suppress, self._suppress_after, wall_clock())
        if count:
            log.info("numbers that carriers call dead are suppressed", count=count)
        return count

    async def forget_deliveries(self) -> int:
        """Delete callbacks that ended long ago; returns how many."""
        forgotten = 0
        while True:
            count = await asyncio.to_thread(
                self._store.deliveries.forget, wall_clock() - CALLBACKS_KEPT, FORGOTTEN_AT_ONCE
            )
            forgotten += count
            if count < FORGOTTEN_AT_ONCE:
                return forgotten
