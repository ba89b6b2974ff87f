"""Look after campaigns that nobody is looking after: drafts left behind, workflows lost."""

import asyncio
import time

import structlog

from campaign.failures import StoreUnavailable
from campaign.instants import SECOND
from campaign.settings import Settings
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from starter.desk import Desk, DeskUnavailable
from store.store import Store

log = structlog.get_logger("godwit.caretaker")

ROUND_SECONDS = 60.0
PAGE = 500
# How much longer than its own waiting an API process may take over a verdict.
PATIENCE_SECONDS = 60.0


class Caretaker:
    """Runs beside the API; several at once do no harm, since every step is safe to repeat."""

    def __init__(self, desk: Desk, store: Store, settings: Settings) -> None:
        self._desk = desk
        self._store = store
        self._patience = round((settings.admission_timeout_seconds + PATIENCE_SECONDS) * SECOND)

    async def run(self) -> None:
        """Revive every open campaign once, then withdraw stale drafts each minute."""
        revived = False
        while True:
            try:
                if not revived:
                    await self.revive_open()
                    revived = True
                await self.withdraw_stale()
            except (DeskUnavailable, StoreUnavailable) as error:
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
                await self._desk.revive(view)
            asked += len(views)
            if len(views) < PAGE:
                return asked
            after = views[-1].id

    async def withdraw_stale(self) -> int:
        """Refuse drafts whose API process died before their verdict; returns how many."""
        oldest = time.time_ns() // 1_000_000 - self._patience
        drafts = await asyncio.to_thread(
            self._store.campaigns.in_states, {CampaignStatus.DRAFT}, "", PAGE
        )
        stale = [view for view in drafts if view.created_at < oldest]
        for view in stale:
            if await self._desk.withdraw(view):
                log.info("a draft was never judged and is withdrawn", campaign=view.id)
        return len(stale)
