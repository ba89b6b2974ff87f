"""Open campaigns that no workflow runs: found by asking Temporal, and started again paused.

A workflow is lost when somebody terminated or deleted it, when Temporal's database was lost or is
older than the store, and when the store is older than Temporal. Nothing is sent of such a campaign
until a person resumes it, because nobody knows why its workflow is gone. An order that was answered
before holds: it is the first thing that the new run gets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from temporalio.client import WorkflowExecutionStatus

from campaign.orders import Order
from campaign.states import CAMPAIGN_OPEN
from campaign.views import CampaignView
from service.campaign_workflows import SIGNALS, CampaignWorkflows, Closed
from service.start_options import retried_state, revived_state
from store.store import Store
from telemetry.logs import get_logger
from workflows.campaign import CampaignWorkflow
from workflows.records import OrderInput

T = TypeVar("T")

log = get_logger("godwit.service")

PAGE = 1_000
CALLS_AT_ONCE = 16
SECOND_LOOK_SECONDS = 1.0
_PERHAPS_FOLLOWING = (None, WorkflowExecutionStatus.COMPLETED)


class LostWorkflows:
    """Finds and revives; several processes at once do no harm."""

    def __init__(self, workflows: CampaignWorkflows, store: Store) -> None:
        self._workflows = workflows
        self._store = store

    async def find(self, campaign_id: str | None = None) -> list[str]:
        """The ids of open campaigns that no workflow runs: of all, or of one campaign.

        Raises ServiceUnavailable when Temporal does not answer. Changes nothing.
        """
        lost = await self._look(campaign_id)
        # An end or a retry is written in the store first, and Temporal follows.
        if any(closed.status in _PERHAPS_FOLLOWING for closed in lost.values()):
            await asyncio.sleep(SECOND_LOOK_SECONDS)
            again = await self._look(campaign_id)
            lost = {id: closed for id, closed in lost.items() if id in again}
        return sorted(lost)

    async def find_stuck(self) -> list[str]:
        """The ids of campaigns whose workflow runs and cannot go on with its workers' code.

        Raises ServiceUnavailable when Temporal does not answer. Changes nothing.
        """
        return sorted(await self._workflows.stuck())

    async def revive_all(self) -> list[str]:
        """Start a workflow for each open campaign that has none; returns their ids.

        A campaign whose retry has not begun runs, as somebody asked for; any other comes back
        paused, with the order that it has not carried out. One visibility query names the
        workflows that run, so many open campaigns cost little.
        """
        revived = await _each(self._revive_if_lost, await self._unlisted())
        return [id for id, was_lost in revived.items() if was_lost]

    async def revive(self, campaign_id: str, order: Order | None = None) -> CampaignView | None:
        """Start the lost workflow of an open campaign, paused, with the order that is pending.

        The store says first that the campaign is paused and why, and has the ``order``, if one is
        given, as the newest. Returns the campaign, None when it has ended or is a draft: then
        nothing was done.
        """
        now = await asyncio.to_thread(self._store.clock.now)
        if not await asyncio.to_thread(self._store.open_campaigns.pause_lost, campaign_id, now):
            return None
        if order is not None:
            await asyncio.to_thread(self._store.orders.give, campaign_id, order, now)
        # The facts are read last: they may not be older than the order in the view.
        view = await asyncio.to_thread(self._store.campaigns.get, campaign_id)
        facts = await asyncio.to_thread(self._store.admissions.plan_facts, campaign_id)
        if view is None or view.status not in CAMPAIGN_OPEN or facts.paused_at is None:
            return None
        # A workflow that somebody else started, and resumed, since the look gets the signal too.
        ordered = Order(view.ordered or Order.PAUSE)
        number = OrderInput(number=view.ordered_at or 0)
        await self._workflows.start(view, revived_state(view, facts), SIGNALS[ordered], number)
        return view

    async def start_retried(self, campaign_id: str) -> None:
        """Start the workflow of a retried campaign; one that is just ending goes on instead."""
        view = await asyncio.to_thread(self._store.campaigns.get, campaign_id)
        facts = await asyncio.to_thread(self._store.admissions.plan_facts, campaign_id)
        assert view is not None
        await self._workflows.start(view, retried_state(view, facts), CampaignWorkflow.retry)
        number = view.ordered_at or 0
        await asyncio.to_thread(self._store.orders.carried_out, view.id, Order.RETRY, number)

    async def _look(self, campaign_id: str | None) -> dict[str, Closed]:
        ids = await self._unlisted() if campaign_id is None else [campaign_id]
        found = await _each(self._workflows.closed, ids)
        lost = {id: closed for id, closed in found.items() if closed is not None}
        for id in list(lost):
            view = await asyncio.to_thread(self._store.campaigns.get, id)
            if view is None or view.status not in CAMPAIGN_OPEN:
                del lost[id]
        return lost

    async def _unlisted(self) -> list[str]:
        """Open campaigns whose workflow the visibility store does not list as running.

        The store is read last: what it has open then, and Temporal did not list before, is
        either lost or new, or its listing lags.
        """
        if not await asyncio.to_thread(self._store.open_campaigns.page, "", 1):
            return []
        running = await self._workflows.running()
        unlisted: list[str] = []
        after = ""
        while True:
            page = await asyncio.to_thread(self._store.open_campaigns.page, after, PAGE)
            unlisted += [campaign.id for campaign in page if campaign.id not in running]
            if len(page) < PAGE:
                return unlisted
            after = page[-1].id

    async def _revive_if_lost(self, campaign_id: str) -> bool:
        closed = await self._workflows.closed(campaign_id)
        if closed is None:
            return False
        view = await asyncio.to_thread(self._store.campaigns.get, campaign_id)
        if view is not None and view.ordered == Order.RETRY:
            await self.start_retried(campaign_id)
            return True
        view = await self.revive(campaign_id)
        if view is None:
            return False
        log.warning(
            "no workflow ran for this open campaign; it was started again",
            campaign=campaign_id,
            closed_as="not found" if closed.status is None else closed.status.name.lower(),
            order=view.ordered,
        )
        return True


async def _each(call: Callable[[str], Awaitable[T]], ids: Iterable[str]) -> dict[str, T]:
    """What a call answers for each id, with a bounded number of calls at once."""
    slots = asyncio.Semaphore(CALLS_AT_ONCE)

    async def ask(id: str) -> tuple[str, T]:
        async with slots:
            return id, await call(id)

    return dict(await asyncio.gather(*(ask(id) for id in ids)))
