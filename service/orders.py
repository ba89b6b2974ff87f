"""Orders to campaigns: written into the store, and then brought to their workflows.

What the store has holds: a pause or a cancellation stops every claim in the same instant, and an
order that Temporal, a worker or this process lost afterwards is brought again until the workflow
says that it has carried it out.
"""

import asyncio
from collections.abc import Sequence

from campaign.failures import ServiceUnavailable
from campaign.instants import SECOND, Instant
from campaign.orders import Order
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from campaign.views import CampaignView
from service.campaign_workflows import SIGNALS, CampaignWorkflows
from service.lost_workflows import LostWorkflows
from service.temporal import WorkflowNotFound
from store.shared.brakes import ACCOUNT_CLOSED, STOPPED, Stop
from store.store import Store
from telemetry.logs import get_logger
from workflows.records import OrderInput

log = get_logger("godwit.service")

# How long an answer waits for Temporal; the order holds without it.
SIGNAL_SECONDS = 2.0
# How long a workflow may take before its order is brought again.
CARRIED_OUT_WITHIN: Instant = 3 * SECOND
PAGE = 500
# Why a campaign may not be resumed, by the brake of its account.
BRAKED = {
    ACCOUNT_CLOSED: "the account is closed; open it before you resume its campaigns",
    STOPPED: "sending is stopped; start it before you resume a campaign",
}


class StateConflict(Exception):
    """The campaign has ended, or gone too far, for what was asked.

    Where that is not the reason, ``code`` and ``reason`` say it.
    """

    def __init__(self, status: CampaignStatus, code: str = "", reason: str = "") -> None:
        super().__init__(status.value)
        self.status = status
        self.code = code
        self.reason = reason


class Orders:
    """Gives orders and brings them again; several processes at once do no harm."""

    def __init__(self, workflows: CampaignWorkflows, lost: LostWorkflows, store: Store) -> None:
        self._workflows = workflows
        self._lost = lost
        self._store = store

    async def give(self, view: CampaignView, order: Order) -> None:
        """Write an order, and bring it to the workflow; a lost one is started again with it.

        Returns when the order is in the store, whether Temporal answers or not. Raises
        StateConflict when the campaign has ended, or may not be resumed because its account is
        closed or stopped, StoreUnavailable when the store does not answer. A draft has its order
        from Temporal alone: ServiceUnavailable says that nothing was ordered.
        """
        now = await asyncio.to_thread(self._store.clock.now)
        stands = await asyncio.to_thread(self._store.orders.give, view.id, order, now)
        if stands.status in CAMPAIGN_ENDS:
            raise StateConflict(stands.status)
        braked = stands.status is CampaignStatus.PAUSED and stands.ordered is not Order.CANCEL
        if braked and order is Order.RESUME and stands.brake is not None:
            raise StateConflict(stands.status, stands.brake, BRAKED[stands.brake])
        try:
            async with asyncio.timeout(SIGNAL_SECONDS):
                await self._bring(view.id, order)
        except (ServiceUnavailable, TimeoutError) as error:
            if stands.status is CampaignStatus.DRAFT:
                raise ServiceUnavailable(str(error) or "no answer in time") from error
            log.warning(
                "the order is in the store and will be brought to the workflow again",
                campaign=view.id,
                order=order.value,
                reason=str(error),
            )

    async def stop(self, account_id: str | None, by_operator: bool) -> Stop:
        """Stop all sending, or that of one account; see :meth:`store.shared.brakes.Brakes.stop`.

        Needs the store alone. Workflows notice at their next claim, or get the order later.
        """
        now = await asyncio.to_thread(self._store.clock.now)
        return await asyncio.to_thread(self._store.brakes.stop, account_id, now, by_operator)

    async def start(self, account_id: str | None, by_operator: bool) -> Sequence[Stop]:
        """End a stop and bring its campaigns the order to go on; returns the stops that remain.

        When Temporal does not answer they go on when it is back.
        """
        now = await asyncio.to_thread(self._store.clock.now)
        remaining = await asyncio.to_thread(self._store.brakes.start, account_id, now, by_operator)
        try:
            async with asyncio.timeout(SIGNAL_SECONDS):
                await self.bring_again(older_than=-1)
        except (ServiceUnavailable, TimeoutError) as error:
            log.warning("campaigns will be resumed later", reason=str(error))
        return remaining

    async def bring_again(self, older_than: Instant | None = None) -> int:
        """Bring every order that no workflow has carried out in time; returns how many.

        Raises ServiceUnavailable when Temporal does not answer. A workflow takes each order once.
        """
        brought, after = 0, ""
        while True:
            now = await asyncio.to_thread(self._store.clock.now)
            before = now - (CARRIED_OUT_WITHIN if older_than is None else older_than)
            page = await asyncio.to_thread(self._store.orders.pending, before, now, after, PAGE)
            for campaign_id in page:
                try:
                    await self._signal(campaign_id, None)
                    brought += 1
                except WorkflowNotFound:
                    continue  # It is lost, and comes back with this order.
            if len(page) < PAGE:
                return brought
            after = page[-1]

    async def _bring(self, campaign_id: str, order: Order) -> None:
        try:
            await self._signal(campaign_id, order)
        except WorkflowNotFound:
            if await self._lost.revive(campaign_id, order) is None:
                latest = await asyncio.to_thread(self._store.orders.standing, campaign_id)
                if latest.status is CampaignStatus.PREPARING:
                    return  # The order is in the store, and its workflow starts with it.
                raise StateConflict(latest.status) from None
            log.warning(
                "no workflow ran for this open campaign; it was started again for an order",
                campaign=campaign_id,
                order=order.value,
            )

    async def _signal(self, campaign_id: str, order: Order | None) -> None:
        """Signal what the store has: the order to carry out, else that it is paused, or is not.

        The signal has the number of the newest order, so it changes nothing in a run that knows
        it. The store keeps no orders of a draft: that gets ``order``, without a number.
        """
        stands = await asyncio.to_thread(self._store.orders.standing, campaign_id)
        if stands.status is CampaignStatus.DRAFT:
            if order is not None:
                await self._workflows.signal(campaign_id, SIGNALS[order])
            return
        if stands.ordered is Order.RETRY and order is None:
            await self._lost.start_retried(campaign_id)
            return
        newest = stands.ordered
        if newest in (None, Order.RETRY):
            newest = Order.PAUSE if stands.status is CampaignStatus.PAUSED else Order.RESUME
        number = OrderInput(number=stands.number, paused_for=stands.paused_for)
        await self._workflows.signal(campaign_id, SIGNALS[newest], number)
