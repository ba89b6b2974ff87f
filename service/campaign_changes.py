"""Changes of a campaign that waits or runs: its start, spread, rate and text."""

import asyncio
from datetime import timedelta

from temporalio.client import WorkflowUpdateFailedError

from campaign.activity import Action
from campaign.instants import Instant
from campaign.rates import campaign_scope
from campaign.refusals import Refused
from campaign.settings import Settings
from campaign.states import CAMPAIGN_ENDS
from campaign.views import CampaignView
from service.campaign_workflows import CampaignWorkflows
from service.changes import Change, changes_of, faults_of
from service.composition import CampaignComposer
from service.forecasts import fault_of_spread
from service.lost_workflows import LostWorkflows
from service.orders import StateConflict
from service.temporal import WorkflowNotFound
from service.text_edits import edit_text
from store.store import Store
from telemetry.logs import get_logger

log = get_logger("godwit.service")


class CampaignChanges:
    """Checks changes and makes them: those of the plan by the campaign's workflow."""

    def __init__(
        self,
        workflows: CampaignWorkflows,
        lost: LostWorkflows,
        store: Store,
        settings: Settings,
        composer: CampaignComposer,
    ) -> None:
        self._workflows = workflows
        self._lost = lost
        self._store = store
        self._settings = settings
        self._composer = composer
        self._timeout = timedelta(seconds=settings.admission_timeout_seconds)

    async def make(self, view: CampaignView, change: Change) -> Instant | None:
        """Give a campaign another start or spread while it waits, a rate or text until it ends.

        All of it or nothing. Returns when it begins, where that may have changed. Raises Refused
        with every fault, StateConflict when the campaign has begun or ended, ServiceUnavailable
        when no answer came in time. Asked again, it changes nothing more. A campaign whose
        workflow was lost is revived first, and stays paused.
        """
        now = await asyncio.to_thread(self._store.clock.now)
        faults = faults_of(change, now, self._settings, view.expires_at)
        if faults:
            raise Refused(*faults)
        if view.status in CAMPAIGN_ENDS:
            raise StateConflict(view.status)
        fault = await asyncio.to_thread(fault_of_spread, self._store, view, change, now)
        if fault is not None:
            raise Refused(fault)
        if change.text is not None:
            await asyncio.to_thread(edit_text, self._store, self._composer, view, change.text, now)
        begins = await self._change_plan(view, change) if change.moves_plan else None
        if change.has_rate:
            scope = campaign_scope(view.id)
            await asyncio.to_thread(self._store.rates.set_rate, scope, change.rate)
        return begins

    async def _change_plan(self, view: CampaignView, change: Change) -> Instant:
        begins = await self._update_lost(view, change)
        before, after = changes_of(view, change)
        record = self._store.activities.record
        await asyncio.to_thread(record, Action.CAMPAIGN_CHANGED, view.id, before, after)
        return begins

    async def _update_lost(self, view: CampaignView, change: Change) -> Instant:
        """Update the workflow; one that was lost is revived before."""
        try:
            try:
                return await self._workflows.update(view.id, change, self._timeout)
            except WorkflowNotFound:
                if await self._lost.revive(view.id) is None:
                    raise
                log.warning(
                    "no workflow ran for this open campaign; it was started again for a change",
                    campaign=view.id,
                )
                return await self._workflows.update(view.id, change, self._timeout)
        except (WorkflowUpdateFailedError, WorkflowNotFound) as error:
            latest = await asyncio.to_thread(self._store.orders.standing, view.id)
            raise StateConflict(latest.status) from error
