"""Changes of a campaign's plan: another start, another spread, a pause made up for."""

from collections.abc import Callable

from temporalio.exceptions import ApplicationError

from activities.planning import Planning
from activities.records import EndCanaryInput, RespreadPlanInput, ShiftPlanInput
from campaign.instants import SECOND, Instant
from campaign.schedule import (
    SCHEDULE_AHEAD_CEILING,
    SPREAD_HOURS_CEILING,
    spread_fault,
    window_fault,
)
from campaign.states import CAMPAIGN_ENDS
from workflows import timers, visibility
from workflows.records import CampaignState, ChangeSpreadInput, RescheduleInput
from workflows.steps import Steps

REFUSED = "reschedule_not_possible"


class PlanChanges:
    """Changes the plan in the store and what ``state`` knows of it, one change at a time.

    Each change has a number, so that the store makes it once. While ``moving``, one is under way.
    ``show`` is called when the state has changed.
    """

    def __init__(
        self, campaign_id: str, state: CampaignState, steps: Steps, show: Callable[[], None]
    ) -> None:
        self._campaign_id = campaign_id
        self._state = state
        self._steps = steps
        self._show = show
        self.moving = False

    def check_start(self, input: RescheduleInput) -> None:
        """Raise an ApplicationError of the type ``REFUSED`` if the campaign can't begin then."""
        self._check_waits()
        _check_window(input.at)

    def check_spread(self, input: ChangeSpreadInput) -> None:
        """Raise the same if the campaign can't be spread so, or begin then."""
        self._check_waits()
        if fault := spread_fault(input.hours, SPREAD_HOURS_CEILING):
            raise _refused(fault)
        if input.at is not None:
            _check_window(input.at)

    async def begin_at(self, input: RescheduleInput) -> Instant:
        """Make the first message due then, the others as far behind as before; returns when.

        An instant that has just passed means now.
        """
        state, at = self._state, max(input.at, timers.now())
        moved = False
        while not moved:
            if state.first_due_at is None:
                raise _refused("nothing of it waits")
            by = at - state.first_due_at
            moved = await self._shift(by, "move the plan to its new start", at)
        visibility.tag(state)
        return at

    async def spread_over(self, input: ChangeSpreadInput) -> Instant:
        """Lay the plan out over another spread, and nothing in the past; returns when it begins.

        While a campaign is paused its plan stands still, so what has passed is what lies before
        the pause: the time that is lost is added when it ends.
        """
        state, now = self._state, timers.now()
        summary = f"spread the plan over {input.hours:g} hours"
        self.moving = moving = True
        try:
            while moving:
                change = RespreadPlanInput(
                    campaign_id=self._campaign_id,
                    number=state.pauses + 1,
                    hours=input.hours,
                    earliest=now if state.paused_at is None else state.paused_at,
                    scheduled_at=None if input.at is None else max(input.at, now),
                )
                dues = await self._steps.run_in_order(Planning.respread_plan, change, summary)
                state.pauses = change.number if dues.number is None else dues.number
                moving = state.pauses != change.number
        finally:
            self.moving = False
        state.first_due_at, state.last_due_at = dues.first_due_at, dues.last_due_at
        self._show()
        visibility.tag(state)
        return dues.first_due_at or now

    async def make_up_for_pause(self) -> None:
        """Move what waits by the time for which the pause that ends now has held it up."""
        state = self._state
        assert state.paused_at is not None
        lost_from = state.paused_at
        if state.first_due_at is not None and not state.waves:
            lost_from = max(lost_from, state.first_due_at)
        lost = timers.now() - lost_from
        if lost > 0 and not state.cancelling:
            while not await self._shift(lost, f"move later waves back by {lost / SECOND:.0f} s"):
                pass

    async def end_canary(self) -> None:
        """Let the rest of the campaign follow its canary; the store may pause it instead."""
        state = self._state
        end = EndCanaryInput(campaign_id=self._campaign_id, number=state.pauses + 1)
        self.moving = True
        try:
            summary = "decide about the canary"
            moved = await self._steps.run_in_order(Planning.end_canary, end, summary)
        finally:
            self.moving = False
        # It is another number if an order came first, or if the store is an older copy.
        state.pauses = moved.number
        state.last_due_at = moved.last_due_at or state.last_due_at
        self._show()

    async def _shift(self, by: Instant, summary: str, scheduled_at: Instant | None = None) -> bool:
        """Move the plan; False if the store counts otherwise, as an older copy of it may.

        Then nothing has moved, and the state is as the store has it: the caller tries again.
        """
        state = self._state
        shift = ShiftPlanInput(
            campaign_id=self._campaign_id,
            number=state.pauses + 1,
            by=by,
            scheduled_at=scheduled_at,
        )
        self.moving = True
        try:
            moved = await self._steps.run_in_order(Planning.shift_plan, shift, summary)
        finally:
            self.moving = False
        # Histories of earlier versions have no result here.
        if moved and moved.number != shift.number:
            state.pauses = moved.number
            state.first_due_at, state.last_due_at = moved.first_due_at, moved.last_due_at
            return False
        state.pauses = shift.number
        # A first message that has left stays where it was.
        if state.first_due_at is not None and not state.waves:
            state.first_due_at += by
        if state.last_due_at is not None:
            state.last_due_at += by
        self._show()
        return True

    def _check_waits(self) -> None:
        """Refuse a change after the first wave: some recipients have their message by then.

        A second beginning would split the campaign, or tempt somebody to send twice.
        """
        state = self._state
        if state.verdict is None or state.first_due_at is None:
            raise _refused("it is not admitted")
        if state.cancelling or state.status in CAMPAIGN_ENDS:
            raise _refused("it has ended or is being cancelled")
        if state.waves:
            raise _refused("it has begun")
        if self.moving:
            raise _refused("it is just being rescheduled")


def _check_window(at: Instant) -> None:
    if fault := window_fault(at, timers.now(), SCHEDULE_AHEAD_CEILING):
        raise _refused(f"its start would be {fault}")


def _refused(reason: str) -> ApplicationError:
    return ApplicationError(reason, type=REFUSED, non_retryable=True)
