"""The orders that a campaign gets: by signals, and as the store has them, which decides."""

from collections.abc import Callable

from temporalio import workflow

from activities.lifecycle import Lifecycle
from activities.records import CampaignRef, SetStatusInput, SetStatusResult
from campaign.instants import Instant
from campaign.orders import Order
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from workflows import timers
from workflows.help import Help
from workflows.records import CampaignState, OrderInput
from workflows.steps import Steps

# The patch since which a run in the place of a lost one does as the store says.
BEGIN_BY_ORDERS = "begin-by-orders"


class Orders:
    """Takes orders from signals, and from the store where that may know more.

    ``paused`` says that the newest order is to stay paused, ``paused_for`` for how long the store
    has had it so. While ``behind``, the store may have an order that this run does not know, and
    nothing is sent. An order with a number counts once; one without is a person's own signal, from
    Temporal's Web UI say, and always counts.
    """

    def __init__(
        self,
        ref: CampaignRef,
        state: CampaignState,
        steps: Steps,
        help: Help,
        become: Callable[[CampaignStatus], None],
    ) -> None:
        self._ref = ref
        self._state = state
        self._steps = steps
        self._help = help
        self._become = become
        self.paused = state.paused_at is not None
        self.paused_for: Instant = 0
        self.behind = False
        self.cancels = 0

    def pause(self, order: OrderInput | None) -> None:
        """Pause; paused twice is paused once, and an end or a cancellation is not paused."""
        state = self._state
        if not self._is_new(order) or state.cancelling or state.status in CAMPAIGN_ENDS:
            return
        self.paused_for = 0 if order is None else order.paused_for
        if order is not None:
            # The store wants to hear that this order is carried out as well.
            self.behind = self.behind or state.paused_at is not None
        self.paused = True

    def resume(self, order: OrderInput | None) -> None:
        """Go on after a pause or a problem; without either nothing happens."""
        if self._is_new(order):
            self._help.answers += 1
            self.paused = False
            # The store was paused, and this run has not noticed.
            self.behind = self.behind or (order is not None and self._state.paused_at is None)

    def cancel(self, order: OrderInput | None) -> None:
        """Cancel; there is no way back."""
        if self._is_new(order):
            self.cancels += 1
            self._help.answers += 1
            self._state.cancelling = True
            self.paused = False

    async def set_status(self, status: CampaignStatus) -> SetStatusResult:
        """Show the status and write it into the store, which refuses it under a newer order."""
        self._become(status)
        stands = await self._steps.run_in_order(
            Lifecycle.set_status,
            SetStatusInput(
                campaign_id=self._ref.campaign_id, status=status, order=self._state.order
            ),
            f"set the status to {status.value}",
        )
        # Histories of the first version have no result here.
        self.behind = self.behind or bool(stands and stands.behind)
        return stands

    async def begin_paused(self) -> bool:
        """Begin in the place of a run that was lost; False if the campaign has ended.

        The store says already that the campaign is paused, or another run has ended that pause.
        """
        if workflow.patched(BEGIN_BY_ORDERS):
            status = await self.follow()
        else:
            status = (await self.set_status(CampaignStatus.PAUSED)).status
        self._state.revived = False
        if status not in CAMPAIGN_ENDS:
            return True
        self._become(status)
        return False

    async def follow(self) -> CampaignStatus:
        """Do as the store says; returns the status that it has."""
        state, known = self._state, self._state.order
        self.behind = False
        stands = await self._steps.run_in_order(
            Lifecycle.follow_orders, self._ref, "follow the orders in the store"
        )
        if state.order != known:
            # A signal came meanwhile, which may be newer: look again.
            self.behind = True
            return stands.status
        state.order = max(state.order, stands.number)
        if stands.ordered is Order.CANCEL:
            self.cancel(None)
        elif stands.status is CampaignStatus.PAUSED:
            self.paused = stands.ordered is not Order.RESUME
            self.paused_for = stands.paused_for
            if not self.paused and state.paused_at is None:
                state.paused_at = timers.now() - stands.paused_for
        else:
            self.paused = False
        if stands.status in CAMPAIGN_ENDS:
            self._become(stands.status)
        return stands.status

    def _is_new(self, order: OrderInput | None) -> bool:
        """Tell whether an order is no repeat and none that a newer one has replaced."""
        if order is None:
            return True
        if order.number <= self._state.order:
            return False
        self._state.order = order.number
        return True
