"""Look after what nobody is looking after: drafts left behind, workflows and callbacks lost."""

import asyncio

import structlog

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.instants import DAY, SECOND, Instant
from campaign.settings import Settings
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from service.campaigns import CampaignService
from store.clock import wall_clock
from store.store import Store
from webhooks.dispatcher import WebhookDispatcher

log = structlog.get_logger("godwit.reconciler")

ROUND_SECONDS = 60.0
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
        self._patience = round((settings.admission_timeout_seconds + PATIENCE_SECONDS) * SECOND)

    async def run(self) -> None:
        """Revive every open campaign once, then look after what may be left behind each minute."""
        revived = False
        while True:
            try:
                if not revived:
                    await self.revive_open()
                    revived = True
                await self.revive_retried()
                await self.withdraw_stale()
                await self.restart_deliveries()
                await self.forget_deliveries()
            except (ServiceUnavailable, StoreUnavailable) as error:
                log.warning("will look again", reason=str(error))
            await asyncio.sleep(ROUND_SECONDS)

    async def revive_open(self) -> int:
        """Make sure that every admitted campaign has its workflow; returns how many were asked.

        A power cut may cost Temporal's database its last moments when it is kept less safely
        than ours, and a restored back-up is always older.
        """
        states = set(CampaignStatus) - CAMPAIGN_ENDS - {CampaignStatus.DRAFT}
        asked, after = 0, ""
        while True:
            views = await asyncio.to_thread(self._store.campaigns.in_states, states, after, PAGE)
            for view in views:
                await self._service.revive(view)
            asked += len(views)
            if len(views) < PAGE:
                return asked
            after = views[-1].id

    async def revive_retried(self) -> int:
        """Make sure that every retried campaign has its workflow; returns how many were asked.

        Whoever retried it may have died before it could start one, or met a Temporal that was
        away.
        """
        asked, after = 0, ""
        while True:
            views = await asyncio.to_thread(self._store.retrying.under_way, after, PAGE)
            for view in views:
                await self._service.revive(view)
            asked += len(views)
            if len(views) < PAGE:
                return asked
            after = views[-1].id

    async def withdraw_stale(self) -> int:
        """Refuse drafts whose API process died before their verdict; returns how many."""
        oldest = wall_clock() - self._patience
        drafts = await asyncio.to_thread(
            self._store.campaigns.in_states, {CampaignStatus.DRAFT}, "", PAGE
        )
        stale = [view for view in drafts if view.created_at < oldest]
        for view in stale:
            if await self._service.withdraw(view):
                log.info("a draft was never judged and is withdrawn", campaign=view.id)
        return len(stale)

    async def restart_deliveries(self) -> int:
        """Wake the courier of each destination whose callbacks nobody takes; returns how many.

        Whoever wrote them may have died before it rang, and a courier may be lost with a power
        cut of Temporal's. A courier that is merely resting is not disturbed by it.
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
