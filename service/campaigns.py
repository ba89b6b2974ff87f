"""The desk: the only place that drives the Temporal client."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.records import Verdict
from campaign.expanding import at_entries
from campaign.failures import ServiceUnavailable
from campaign.ids import CAMPAIGN_PREFIX, ID_BYTES, make_id
from campaign.instants import Instant
from campaign.model import ComposedCampaign, Draft
from campaign.rates import campaign_scope
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.settings import Settings
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from service.changes import Change, faults_of, update_of
from service.composition import CampaignComposer
from service.dry_run import DryRun, dry_run
from service.media_check import open_media_check
from service.start_options import NOT_AGAIN, campaign_input, carried_on, start_options
from service.temporal import connect
from store.campaigns.retry import Retried
from store.clock import wall_clock
from store.shared.views import CampaignView
from store.store import Store
from workflows.campaign import CampaignWorkflow
from workflows.records import CampaignResult

Handle = WorkflowHandle[CampaignWorkflow, CampaignResult]


class StateConflict(Exception):
    """The campaign has ended, or gone too far, for what was asked.

    Where that is not the reason, ``code`` and ``reason`` say it.
    """

    def __init__(self, status: CampaignStatus, code: str = "", reason: str = "") -> None:
        super().__init__(status.value)
        self.status = status
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted campaign; ``replayed`` when its key had brought it before."""

    campaign: CampaignView
    replayed: bool


class CampaignService:
    """Takes drafts in and passes orders on to running campaigns."""

    def __init__(self, client: Client, store: Store, settings: Settings) -> None:
        self._client = client
        self._store = store
        self._settings = settings
        self._composer = CampaignComposer(store, settings)
        self._media = open_media_check(settings, store)

    async def admit(
        self, draft: Draft, id_prefix: str = CAMPAIGN_PREFIX, campaign_id: str | None = None
    ) -> Admission:
        """Store a draft, start its workflow, and wait for the verdict.

        The id is made with the prefix, unless the caller brings a random one of another shape.
        Raises Refused with every reason (nothing is sent or paid then), ServiceUnavailable when no
        verdict came in time. A draft whose key is held brings the campaign that holds it.
        """
        composed = await self._compose(draft)
        wanted = campaign_id or make_id(id_prefix, secrets.token_bytes(ID_BYTES))
        saved = await asyncio.to_thread(self._store.campaigns.save, composed, wanted)
        if draft.strict_key and not saved.same_payload:
            raise Refused(
                Refusal(
                    RefusalCode.KEY_REUSED,
                    "this key came with another payload before",
                    "idempotencyKey",
                )
            )
        view = await self._view(saved.campaign_id)
        if view.status is CampaignStatus.DRAFT:
            try:
                await self._verdict(view)
            except ServiceUnavailable:
                if await self.withdraw(view):
                    raise
            view = await self._view(saved.campaign_id)
        if view.status is CampaignStatus.REFUSED:
            if view.refusals[0].code is RefusalCode.ABANDONED:
                raise ServiceUnavailable("withdrawn before it was judged")
            raise Refused(*at_entries(view.refusals, composed.draft))
        return Admission(view, replayed=not saved.created)

    async def dry_run(self, draft: Draft) -> DryRun:
        """Judge and price a draft without storing anything; shape faults raise Refused."""
        composed = await self._compose(draft)
        return await asyncio.to_thread(dry_run, self._store, composed)

    async def withdraw(self, view: CampaignView) -> bool:
        """Refuse a draft that nobody judged in time; its key is free again.

        Returns False when it was judged after all, and that verdict holds. So an answer of "not
        available" means that nothing will be sent, whenever a worker comes back.
        """
        refusal = Refusal(RefusalCode.ABANDONED, "it was not judged in time; send it again")
        await asyncio.to_thread(self._store.campaigns.refuse, view.id, [refusal], wall_clock())
        latest = await self._view(view.id)
        return bool(latest.refusals) and latest.refusals[0].code is RefusalCode.ABANDONED

    async def pause(self, view: CampaignView) -> None:
        """Ask a campaign to stop for now; raises StateConflict when it has ended."""
        await self._signal(view, "pause")

    async def resume(self, view: CampaignView) -> None:
        """Ask a paused campaign to carry on; raises StateConflict when it has ended."""
        await self._signal(view, "resume")

    async def cancel(self, view: CampaignView) -> None:
        """Ask a campaign to stop for good; raises StateConflict when it has ended."""
        await self._signal(view, "cancel")

    async def retry(self, view: CampaignView) -> None:
        """Send again, and pay for anew, what failed for a reason that may pass.

        Raises StateConflict when there is nothing to send again, Refused when it cannot be paid
        for, ServiceUnavailable when Temporal does not answer: then it begins when that is back.
        Asked again while it runs, nothing more happens.
        """
        answer = await asyncio.to_thread(self._store.retrying.retry, view.id, wall_clock())
        if isinstance(answer, Refusal):
            raise Refused(answer)
        latest = await self._view(view.id)
        if answer is Retried.ENDED:
            raise StateConflict(latest.status)
        if answer in NOT_AGAIN:
            raise StateConflict(latest.status, *NOT_AGAIN[answer])
        if latest.status is CampaignStatus.RUNNING:
            # A run that is just ending hears of it, and a new one begins where there is none.
            await self._start(latest, WorkflowIDReusePolicy.ALLOW_DUPLICATE, start_signal="retry")

    async def change(self, view: CampaignView, change: Change) -> Instant | None:
        """Give a campaign another start or spread while it waits, another speed until it ends.

        All of it or nothing. Returns when it begins, where that may have changed. Raises Refused
        with every fault, StateConflict when the campaign has begun or ended, ServiceUnavailable
        when no answer came in time. Asked again, it changes nothing more.
        """
        faults = faults_of(change, wall_clock())
        if faults:
            raise Refused(*faults)
        if view.status in CAMPAIGN_ENDS:
            raise StateConflict(view.status)
        begins: Instant | None = None
        if update := update_of(change):
            async with self._reaching(view) as handle:
                begins = await handle.execute_update(
                    *update,
                    result_type=int,
                    rpc_timeout=timedelta(seconds=self._settings.admission_timeout_seconds),
                )
        if change.has_rate:
            scope = campaign_scope(view.id)
            await asyncio.to_thread(self._store.rates.set_rate, scope, change.rate)
        return begins

    async def is_reachable(self) -> bool:
        """Tell whether Temporal answers."""
        try:
            return await self._client.service_client.check_health(timeout=timedelta(seconds=2))
        except (RPCError, RuntimeError):
            return False

    async def close(self) -> None:
        """Close the egress client of the media check; the client closes with the process."""
        await self._media.close()

    # ------------------------------------------------------------------ inside

    async def _compose(self, draft: Draft) -> ComposedCampaign:
        composed = await asyncio.to_thread(self._composer.compose, draft)
        await self._media.check(composed)
        return composed

    async def _view(self, campaign_id: str) -> CampaignView:
        view = await asyncio.to_thread(self._store.campaigns.get, campaign_id)
        assert view is not None
        return view

    async def revive(self, view: CampaignView) -> None:
        """Start the workflow of an admitted campaign again, should Temporal have lost it.

        A campaign whose workflow lives is not touched. The rows of the store say what is left
        to do, so nothing is sent or held twice. One that runs may have been retried, after an
        earlier run of the same id.
        """
        runs = view.status is CampaignStatus.RUNNING
        policy = WorkflowIDReusePolicy
        await self._start(view, policy.ALLOW_DUPLICATE if runs else policy.REJECT_DUPLICATE)

    async def _start(
        self, view: CampaignView, reuse: WorkflowIDReusePolicy, **options: Any
    ) -> None:
        state = None
        if view.status is CampaignStatus.RUNNING:
            facts = await asyncio.to_thread(self._store.admissions.plan_facts, view.id)
            state = carried_on(view.tally, facts)
        try:
            await self._client.start_workflow(
                CampaignWorkflow.run,
                campaign_input(view, self._settings, state),
                id=workflow_id(view.id),
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=reuse,
                **start_options(view, self._settings),
                **options,
            )
        except WorkflowAlreadyStartedError:
            pass
        except (RPCError, RuntimeError) as error:
            raise ServiceUnavailable("Temporal does not answer") from error

    async def _verdict(self, view: CampaignView) -> Verdict:
        """Start the workflow if nobody has, and wait for its verdict; safe to repeat."""
        start: WithStartWorkflowOperation[CampaignWorkflow, CampaignResult] = (
            WithStartWorkflowOperation(
                CampaignWorkflow.run,
                campaign_input(view, self._settings),
                id=workflow_id(view.id),
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                **start_options(view, self._settings),
            )
        )
        seconds = self._settings.admission_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                verdict: Verdict = await self._client.execute_update_with_start_workflow(
                    "admission",
                    id="admission",
                    start_workflow_operation=start,
                    result_type=Verdict,
                    rpc_timeout=timedelta(seconds=seconds),
                )
                return verdict
        except (
            TimeoutError,
            RPCError,
            RuntimeError,
            WorkflowUpdateRPCTimeoutOrCancelledError,
        ) as error:
            raise ServiceUnavailable("no verdict in time") from error

    async def _signal(self, view: CampaignView, name: str) -> None:
        if view.status in CAMPAIGN_ENDS:
            raise StateConflict(view.status)
        async with self._reaching(view) as handle:
            await handle.signal(name)

    @asynccontextmanager
    async def _reaching(self, view: CampaignView) -> AsyncIterator[Handle]:
        """A campaign's workflow, whose no is StateConflict and whose silence ServiceUnavailable."""
        try:
            async with asyncio.timeout(self._settings.admission_timeout_seconds):
                yield self._client.get_workflow_handle(workflow_id(view.id))
        except WorkflowUpdateFailedError as error:
            raise StateConflict((await self._view(view.id)).status) from error
        except RuntimeError as error:
            raise ServiceUnavailable("Temporal does not answer") from error
        except (TimeoutError, RPCError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
                raise StateConflict((await self._view(view.id)).status) from error
            raise ServiceUnavailable("no answer in time") from error


async def open_campaign_service(settings: Settings, store: Store) -> CampaignService:
    """Open the desk; Temporal is connected to at the first order."""
    return CampaignService(await connect(lazy=True), store, settings)


def workflow_id(campaign_id: str) -> str:
    """The workflow id of a campaign; a colon, because a slash breaks Temporal's HTTP API."""
    return f"campaign:{campaign_id}"
