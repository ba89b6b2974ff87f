"""Changes of a campaign that waits or runs: its start, spread, rate, window, expiry and text."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import WorkflowUpdateFailedError

from campaign.activity import Action
from campaign.instants import Instant
from campaign.model import Message
from campaign.rates import campaign_scope
from campaign.refusals import Refused
from campaign.settings import Settings
from campaign.states import CAMPAIGN_ENDS
from campaign.views import CampaignView
from service.campaign_workflows import CampaignWorkflows
from service.changes import Change, changes_of, faults_of
from service.composition import CampaignComposer
from service.forecasts import end_after, fault_of_spread, planned_end
from service.lost_workflows import LostWorkflows
from service.orders import StateConflict
from service.plan_previews import preview_plan
from service.temporal import WorkflowNotFound
from service.text_edits import edit_text
from store.campaigns.text_edits import TextEdit
from store.store import Store
from telemetry.logs import get_logger

log = get_logger("godwit.service")


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What would follow from a change that was checked and not made.

    ``ends_at`` is when the campaign would end without it, ``would_end_at`` with it; a text keeps
    the plan. ``late`` counts the messages that would be due too late to leave. ``edit`` is what
    another text would replace and cost, ``messages`` are those with it.
    """

    change: Change
    ends_at: Instant | None = None
    would_end_at: Instant | None = None
    late: int = 0
    edit: TextEdit | None = None
    messages: Sequence[Message] = ()


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
        await asyncio.to_thread(self._check, view, change, now)
        if change.text is not None:
            await asyncio.to_thread(edit_text, self._store, self._composer, view, change.text, now)
        begins = await self._change_plan(view, change) if change.moves_plan else None
        if change.has_rate:
            scope = campaign_scope(view.id)
            await asyncio.to_thread(self._store.rates.set_rate, scope, change.rate)
        return begins

    async def preview(self, view: CampaignView, change: Change) -> ChangePreview:
        """Check a change as :meth:`make` does, and find what would follow; changes nothing.

        Raises as :meth:`make`, and InstantOutOfRange for a plan beyond the years 1970 to 2199.
        """
        return await asyncio.to_thread(self._preview, view, change)

    def _preview(self, view: CampaignView, change: Change) -> ChangePreview:
        store, now = self._store, self._store.clock.now()
        late = self._check(view, change, now)
        if change.text is not None:
            edit, made = edit_text(store, self._composer, view, change.text, now, dry_run=True)
            return ChangePreview(change, edit=edit, messages=made.messages)
        ends_at, would_end_at = planned_end(store, view, now), end_after(store, view, change, now)
        return ChangePreview(change, ends_at, would_end_at, late)

    def _check(self, view: CampaignView, change: Change, now: Instant) -> int:
        """Raise what refuses a change; returns how many messages would be late after it."""
        faults = faults_of(change, now, self._settings, view.expires_at)
        if faults:
            raise Refused(*faults)
        if view.status in CAMPAIGN_ENDS:
            raise StateConflict(view.status)
        if (fault := fault_of_spread(self._store, view, change, now)) is not None:
            raise Refused(fault)
        if not change.moves_plan or (view.started_at is not None and change.moves_start):
            return 0
        after, fault = preview_plan(self._store, view, change, now)
        if fault is not None:
            raise Refused(fault)
        return after.late

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
