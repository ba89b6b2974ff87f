"""Orders to simulated campaigns: in the store at once, and followed by what runs the campaign."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from activities.lifecycle import Lifecycle
from activities.planning import Planning
from activities.records import CampaignRef, RespreadPlanInput, SetStatusInput, ShiftPlanInput
from campaign.instants import Instant
from campaign.orders import Order
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from service.start_options import revived_state
from store.store import Store
from tests.core.leaping import Time
from tests.core.tale import Tale


class Orders:
    """What the service and the workflow of a campaign do about orders, without Temporal.

    ``act`` runs an activity.
    """

    def __init__(
        self,
        store: Store,
        time: Time,
        lifecycle: Lifecycle,
        planning: Planning,
        act: Callable[..., Any],
    ) -> None:
        self._store = store
        self._time = time
        self._lifecycle = lifecycle
        self._planning = planning
        self._act = act

    def give(self, tale: Tale, order: Order, arrives: bool = True) -> None:
        """Order something; it holds from now on, whether it arrives at the workflow or not."""
        now = self._time.now()
        stands = self._store.orders.give(tale.id, order, now)
        if stands.status not in CAMPAIGN_ENDS:
            if order is Order.CANCEL:
                tale.cancel_ordered_at = tale.cancel_ordered_at or now
            elif order is Order.RESUME:
                tale.held_since = None
            elif tale.cancel_ordered_at is None:
                tale.held_since = tale.held_since or now
        if arrives:
            self.bring(tale)

    def bring(self, tale: Tale) -> None:
        """Signal the order that is not carried out yet; a workflow takes each once."""
        stands = self._store.orders.standing(tale.id)
        if stands.ordered is None or stands.number <= tale.order:
            return
        tale.order = stands.number
        if stands.ordered is Order.CANCEL:
            self._cancel(tale)
        elif (stands.ordered is Order.PAUSE) is (tale.paused_at is None):
            if stands.ordered is Order.RESUME:
                self._resume(tale)
            else:
                self._pause(tale)
        else:
            self.follow(tale)

    def follow(self, tale: Tale) -> None:
        """Do as the store says, because it may know more."""
        stands = self._act(self._lifecycle.follow_orders, CampaignRef(campaign_id=tale.id))
        tale.order = max(tale.order, stands.number)
        if stands.status in CAMPAIGN_ENDS:
            tale.ended = True
        elif stands.ordered is Order.CANCEL:
            self._cancel(tale)
        elif stands.status is CampaignStatus.PAUSED:
            if tale.paused_at is None:
                self._pause(tale, writes=stands.ordered is not Order.RESUME)
            if stands.ordered is Order.RESUME:
                self._resume(tale)
        elif tale.paused_at is not None:
            self._resume(tale)

    def set_status(self, tale: Tale, status: CampaignStatus, again: bool = False) -> None:
        """Write where the campaign stands, and follow the store where it has a newer order."""
        input = SetStatusInput(campaign_id=tale.id, status=status, order=tale.order)
        if self._act(self._lifecycle.set_status, input, again).behind:
            self.follow(tale)

    def spread(self, tale: Tale, hours: float, start: Instant | None, again: bool) -> None:
        """Lay out anew what waits for its first wave, as an update does."""
        now = self._time.now()
        input = RespreadPlanInput(
            campaign_id=tale.id,
            number=0,
            hours=hours,
            earliest=now if tale.paused_at is None else tale.paused_at,
            scheduled_at=None if start is None else now + start,
        )
        self._change(tale, self._planning.respread_plan, input, again)

    def lose(self, tale: Tale) -> Tale:
        """Lose the workflow of a campaign and revive it; returns what an older copy remembers.

        That copy is as Temporal had it, and goes on beside the revived one in another place.
        """
        older = replace(tale, stops=[])
        tale.was_lost = True
        tale.cancelled_at, tale.unknown_rounds = None, 0
        tale.stops.clear()
        if not self._store.open_campaigns.pause_lost(tale.id, self._time.now()):
            tale.ended = True
            return older
        view = self._store.campaigns.get(tale.id)
        assert view is not None
        state = revived_state(view, self._store.admissions.plan_facts(tale.id))
        tale.paused_at, tale.order = state.paused_at, state.order
        tale.pauses, tale.waves = state.pauses, state.waves
        if view.ordered not in (Order.RESUME, Order.CANCEL):
            tale.held_since = tale.held_since or self._time.now()
        self.set_status(tale, CampaignStatus.PAUSED)
        self.bring(tale)
        return older

    def _pause(self, tale: Tale, writes: bool = True) -> None:
        """Stop what runs, and say so."""
        if tale.cancelled_at is not None:
            return
        tale.stop()
        paused_at = self._store.admissions.plan_facts(tale.id).paused_at
        tale.paused_at = self._time.now() if paused_at is None else paused_at
        if writes:
            self.set_status(tale, CampaignStatus.PAUSED)

    def _resume(self, tale: Tale) -> None:
        """Move what waits by the time that was lost, and carry on."""
        assert tale.paused_at is not None
        lost = max(1, self._time.now() - tale.paused_at)
        input = ShiftPlanInput(campaign_id=tale.id, number=0, by=lost)
        self._change(tale, self._planning.shift_plan, input, again=True)
        tale.paused_at = None
        self.set_status(tale, CampaignStatus.RUNNING if tale.waves else CampaignStatus.SCHEDULED)

    def _cancel(self, tale: Tale) -> None:
        """Stop what runs; what waits is cancelled when it has stopped."""
        tale.stop()
        tale.cancelled_at, tale.paused_at = self._time.now(), None

    def _change(self, tale: Tale, activity: Callable[..., Any], input: Any, again: bool) -> None:
        """Change the plan once, under the next number that the store has free."""
        is_made = False
        while not is_made:
            number = tale.pauses + 1
            numbered = input.model_copy(update={"number": number})
            tale.pauses = self._act(activity, numbered, again).number
            is_made = tale.pauses == number
