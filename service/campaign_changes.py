"""Changes of a campaign that waits or runs: its start, spread, rate, window, expiry and text."""

import asyncio
from datetime import timedelta

from temporalio.client import WorkflowUpdateFailedError

from campaign.activity import Action
from campaign.instants import Instant
from campaign.rates import campaign_scope
from campaign.refusals import Refused
from campaign.settings import Settings
from campaign.views import CampaignView
from service.campaign_workflows import CampaignWorkflows
from service.changes import Change, changes_of
from service.composition import CampaignComposer
from service.lost_workflows import LostWorkflows
from service.orders import StateConflict
from service.plan_previews import ChangePreview, begin_change, preview_change
from service.temporal import WorkflowNotFound
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
        """Change the start or the spread of a campaign that waits, all else until it ends.

        All of it or nothing. Returns when it begins, where that may have changed. Raises Refused
        with every fault, StateConflict when the campaign has begun or ended, ServiceUnavailable
        when no answer came in time. Asked again, it changes nothing more. A campaign whose
        workflow was lost is revived first, and stays paused.
        """
        now = await asyncio.to_thread(self._store.clock.now)
        faults, _ = await asyncio.to_thread(
            begin_change, self._store, self._composer, view, change, now
        )
        if faults:
            raise Refused(*faults)
        begins = await self._change_plan(view, change) if change.moves_plan else None
        if change.has_rate:
            scope = campaign_scope(view.id)
            await asyncio.to_thread(self._store.rates.set_rate, scope, change.rate)
        return begins

    async def preview(self, view: CampaignView, change: Change) -> ChangePreview:
        """See :func:`service.plan_previews.preview_change`."""
        now = await asyncio.to_thread(self._store.clock.now)
        return await asyncio.to_thread(
            preview_change, self._store, self._composer, view, change, now
        )

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
