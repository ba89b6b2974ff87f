"""What the API, the command line and the console do with campaigns, by way of their workflows."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from structlog.contextvars import bind_contextvars
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.records import Verdict
from campaign.expanding import at_entries, lists_of
from campaign.failures import NoVerdict, ServiceUnavailable
from campaign.ids import CAMPAIGN_PREFIX, ID_BYTES, make_id
from campaign.instants import Instant
from campaign.model import ComposedCampaign, Draft
from campaign.orders import Order
from campaign.preparation import check_preparable
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.retry import EVERYTHING, RetrySelection
from campaign.settings import Settings
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from service.campaign_changes import CampaignChanges
from service.campaign_workflows import CampaignWorkflows, workflow_id
from service.changes import Change
from service.composition import CampaignComposer
from service.dry_run import DryRun, dry_run
from service.forecasts import planned_end
from service.lost_workflows import LostWorkflows
from service.media_check import open_media_check
from service.orders import Orders
from service.orders import StateConflict as StateConflict
from service.plan_previews import ChangePreview
from service.pollers import newest_polls
from service.retries import Retries
from service.start_options import campaign_input, start_options
from service.temporal import WorkflowNotFound, connect, is_late, is_ready, translate_errors
from store.campaigns.campaigns import Saved
from store.shared.brakes import Stop
from store.store import Store
from telemetry.logs import get_logger
from workflows.campaign import CampaignWorkflow
from workflows.records import CampaignResult

log = get_logger("godwit.service")

# The code and the reason of a draft whose workflow has completed: the store is older than
# Temporal, and what left of the campaign is not known here.
RAN_BEFORE = (
    "campaign_ran_before",
    "Temporal has run this campaign to its end, and the store is older than that",
)

STILL_PREPARING = ("campaign_preparing", "the campaign is being prepared, and changes afterwards")
# An answer does not wait longer for the start of a workflow, and so many are started at once.
START_SECONDS = 5.0
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted campaign; ``replayed`` when its key had brought it before."""

    campaign: CampaignView
    replayed: bool


class CampaignService:
    """Admits drafts and passes orders on to campaigns.

    An order to an open campaign whose workflow was lost starts that workflow again, paused, and is
    the first thing that it gets. ``lost`` finds and revives those campaigns without an order.
    """

    def __init__(self, client: Client, store: Store, settings: Settings) -> None:
        self._client = client
        self._store = store
        self._settings = settings
        self._composer = CampaignComposer(store, settings)
        self._media = open_media_check(settings, store)
        self._timeout = timedelta(seconds=settings.admission_timeout_seconds)
        self._workflows = CampaignWorkflows(client, settings)
        self.lost = LostWorkflows(self._workflows, store)
        self._orders = Orders(self._workflows, self.lost, store)
        self._retries = Retries(store, self.lost, self._composer)
        self._changes = CampaignChanges(self._workflows, self.lost, store, settings, self._composer)

    async def admit(
        self,
        draft: Draft,
        id_prefix: str = CAMPAIGN_PREFIX,
        campaign_id: str | None = None,
        composed: ComposedCampaign | None = None,
    ) -> Admission:
        """Store a draft, start its workflow, and wait for the verdict.

        The id is made with the prefix, unless the caller brings a random one of another shape.
        Above ``prepare_above`` recipients the campaign is ``preparing`` when this returns, and gets
        its verdict later. ``composed`` is the draft if the caller has just composed it; the plan
        counts from then.
        Raises Refused with every reason (nothing is sent or paid then), ServiceUnavailable when no
        verdict came in time. A draft whose key is held brings the campaign that holds it.
        """
        wanted = campaign_id or make_id(id_prefix, secrets.token_bytes(ID_BYTES))
        expected = None
        if composed is None:
            composed, expected = await self._previewed(draft)
        if expected is None:
            composed = await self._compose(draft, composed)
        assert composed is not None
        saved, view = await asyncio.to_thread(self._save, composed, wanted, expected)
        if draft.strict_key and not saved.same_payload:
            raise Refused(
                Refusal(
                    RefusalCode.KEY_REUSED,
                    "this key came with another payload before",
                    "idempotencyKey",
                )
            )
        bind_contextvars(campaign=view.id)
        if view.status is CampaignStatus.PREPARING:
            await self._prepare_soon(view)
        if view.status is CampaignStatus.DRAFT:
            try:
                await self._verdict(view)
            except ServiceUnavailable as error:
                if await self.withdraw(view):
                    if is_late(error):
                        raise NoVerdict from error
                    raise
            view = await self._view(view.id)
        if view.status is CampaignStatus.DRAFT:
            raise StateConflict(view.status, *RAN_BEFORE)
        if view.status is CampaignStatus.REFUSED:
            if view.refusals[0].code is RefusalCode.ABANDONED:
                raise ServiceUnavailable("withdrawn before it was validated")
            raise Refused(*at_entries(view.refusals, composed.draft))
        return Admission(view, replayed=not saved.created)

    async def dry_run(self, draft: Draft, composed: ComposedCampaign | None = None) -> DryRun:
        """Validate and price a draft without storing it; faults of shape raise Refused."""
        return await asyncio.to_thread(dry_run, self._store, await self._compose(draft, composed))

    async def withdraw(self, view: CampaignView) -> bool:
        """Refuse a draft that got no verdict in time; its key is free again.

        Returns False when it got one after all, which holds then. So an answer of "not
        available" means that nothing will be sent, whenever a worker comes back.
        """
        refusal = Refusal(RefusalCode.ABANDONED, "it was not judged in time; send it again")
        now = await asyncio.to_thread(self._store.clock.now)
        await asyncio.to_thread(self._store.campaigns.refuse, view.id, [refusal], now)
        latest = await self._view(view.id)
        return bool(latest.refusals) and latest.refusals[0].code is RefusalCode.ABANDONED

    async def prepare_all(self) -> int:
        """Start the workflow of each campaign that is being prepared, where none runs.

        The process that stored one may have died before, and Temporal may have lost one. Raises
        ServiceUnavailable when Temporal does not answer. Returns how many there are.
        """
        preparing = await asyncio.to_thread(
            self._store.campaigns.in_states, {CampaignStatus.PREPARING}, "", PAGE
        )
        for view in preparing:
            await self._workflows.start_preparing(view)
        return len(preparing)

    async def _prepare_soon(self, view: CampaignView) -> None:
        """Start preparing; the store has the campaign, so without an answer it starts later."""
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._workflows.start_preparing(view)
        except (ServiceUnavailable, TimeoutError) as error:
            log.warning("a campaign will be prepared later", campaign=view.id, reason=str(error))

    async def pause(self, view: CampaignView) -> None:
        """Stop a campaign for now; see :meth:`service.orders.Orders.give`."""
        await self._orders.give(view, Order.PAUSE)

    async def resume(self, view: CampaignView) -> None:
        """Let a paused campaign go on; see :meth:`service.orders.Orders.give`."""
        await self._orders.give(view, Order.RESUME)

    async def cancel(self, view: CampaignView) -> None:
        """Stop a campaign for good; see :meth:`service.orders.Orders.give`."""
        await self._orders.give(view, Order.CANCEL)

    async def stop(self, account_id: str | None, by_operator: bool = False) -> Stop:
        """See :meth:`service.orders.Orders.stop`."""
        return await self._orders.stop(account_id, by_operator)

    async def start(self, account_id: str | None, by_operator: bool = False) -> Sequence[Stop]:
        """See :meth:`service.orders.Orders.start`."""
        return await self._orders.start(account_id, by_operator)

    async def bring_orders_again(self) -> int:
        """See :meth:`service.orders.Orders.bring_again`."""
        return await self._orders.bring_again()

    async def retry(self, view: CampaignView, wanted: RetrySelection = EVERYTHING) -> int:
        """See :meth:`service.retries.Retries.retry`."""
        return await self._retries.retry(view, wanted)

    async def change(self, view: CampaignView, change: Change) -> Instant | None:
        """See :meth:`service.campaign_changes.CampaignChanges.make`."""
        _check_prepared(view)
        return await self._changes.make(view, change)

    async def preview_change(self, view: CampaignView, change: Change) -> ChangePreview:
        """See :func:`service.plan_previews.preview_change`."""
        _check_prepared(view)
        return await self._changes.preview(view, change)

    async def planned_end(self, campaign_id: str) -> Instant | None:
        """See :func:`service.forecasts.planned_end`."""
        view = await self._view(campaign_id)
        now = await asyncio.to_thread(self._store.clock.now)
        return await asyncio.to_thread(planned_end, self._store, view, now)

    async def ran_before(self, view: CampaignView) -> bool:
        """Tell whether Temporal has run a draft to its end, so that the store is the older one."""
        closed = await self._workflows.closed(view.id)
        return closed is not None and closed.status is WorkflowExecutionStatus.COMPLETED

    async def is_reachable(self) -> bool:
        """Tell whether Temporal answers and has the namespace of the settings."""
        return await is_ready(self._client)

    async def newest_polls(self) -> Mapping[str, Instant | None]:
        """See :func:`service.pollers.newest_polls`."""
        return await newest_polls(self._client, self._settings.task_queue)

    async def close(self) -> None:
        """Close the client that downloads media; Temporal's closes with the process."""
        await self._media.close()

    async def _compose(
        self, draft: Draft, made: ComposedCampaign | None = None
    ) -> ComposedCampaign:
        if made is None:
            made = await asyncio.to_thread(self._composer.compose, draft)
        await self._media.check(made)
        return made

    async def _previewed(self, draft: Draft) -> tuple[ComposedCampaign | None, int | None]:
        """A draft that is to be prepared, and how many recipients it has; None of another."""
        # What came in a body is in memory anyway.
        if not lists_of(draft):
            return None, None
        expected = await asyncio.to_thread(self._composer.size, draft)
        if expected <= max(len(draft.recipients), self._settings.prepare_above):
            return None, None
        check_preparable(draft, self._settings.prepare_above)
        resolved = await asyncio.to_thread(self._composer.resolved, draft)
        preview = await asyncio.to_thread(self._composer.preview, resolved)
        await self._media.check(preview)
        return replace(preview, draft=resolved), expected

    def _save(
        self, composed: ComposedCampaign, campaign_id: str, expected: int | None
    ) -> tuple[Saved, CampaignView]:
        campaigns = self._store.campaigns
        saved = campaigns.save(composed, campaign_id, expected)
        view = campaigns.get(saved.campaign_id)
        assert view is not None
        return saved, view

    async def _view(self, campaign_id: str) -> CampaignView:
        view = await asyncio.to_thread(self._store.campaigns.get, campaign_id)
        assert view is not None
        return view

    async def _verdict(self, view: CampaignView) -> Verdict:
        """Start the workflow if nobody has, and wait for its verdict; safe to repeat."""
        start: WithStartWorkflowOperation[CampaignWorkflow, CampaignResult] = (
            WithStartWorkflowOperation(
                CampaignWorkflow.run,
                campaign_input(view, self._settings),
                id=workflow_id(view.id),
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                # A run that somebody terminated gave no verdict; one that completed did.
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                **start_options(view, self._settings),
            )
        )
        try:
            with translate_errors(self._client):
                async with asyncio.timeout(self._timeout.total_seconds()):
                    return await self._client.execute_update_with_start_workflow(
                        CampaignWorkflow.admission,  # type: ignore[arg-type]  # see send_update
                        id="admission",
                        start_workflow_operation=start,
                        rpc_timeout=self._timeout,
                    )
        except WorkflowAlreadyStartedError as error:
            raise StateConflict(view.status, *RAN_BEFORE) from error
        except (WorkflowNotFound, WorkflowUpdateFailedError) as error:
            raise ServiceUnavailable("its workflow ended before it gave a verdict") from error


def _check_prepared(view: CampaignView) -> None:
    if view.status is CampaignStatus.PREPARING:
        raise StateConflict(view.status, *STILL_PREPARING)


async def open_campaign_service(settings: Settings, store: Store) -> CampaignService:
    """Open the service; it connects to Temporal at its first call."""
    return CampaignService(await connect(settings.temporal_plugin, lazy=True), store, settings)
