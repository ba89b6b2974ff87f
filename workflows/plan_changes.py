"""When a campaign's plan may change, and how its steps and its state then change."""

from temporalio.exceptions import ApplicationError

from activities.records import RespreadPlanInput, ShiftPlanInput
from campaign.instants import Instant
from campaign.schedule import spread_fault, window_fault
from campaign.states import CAMPAIGN_ENDS
from workflows.records import CampaignState, ChangeSpreadInput, RescheduleInput

NOT_POSSIBLE = "reschedule_not_possible"


def check_reschedule(
    input: RescheduleInput, state: CampaignState, moving: bool, now: Instant
) -> None:
    """Raise an ApplicationError of the type ``NOT_POSSIBLE`` if the campaign can't begin then."""
    _check_waits(state, moving)
    _check_window(input.at, now)


def check_spread(
    input: ChangeSpreadInput, state: CampaignState, moving: bool, now: Instant
) -> None:
    """Raise the same if the campaign can't be spread so, or begin then."""
    _check_waits(state, moving)
    if fault := spread_fault(input.hours):
        raise _not_possible(fault)
    if input.at is not None:
        _check_window(input.at, now)


def _check_waits(state: CampaignState, moving: bool) -> None:
    """Refuse a change after the first wave: some recipients have their message by then.

    A second beginning would split the campaign, or tempt somebody to send twice.
    """
    if state.verdict is None or state.first_due_at is None:
        reason = "it is not admitted"
    elif state.cancelling or state.status in CAMPAIGN_ENDS:
        reason = "it has ended or is being cancelled"
    elif state.waves:
        reason = "it has begun"
    elif moving:
        reason = "it is just being rescheduled"
    else:
        return
    raise _not_possible(reason)


def _check_window(at: Instant, now: Instant) -> None:
    if fault := window_fault(at, now):
        raise _not_possible(f"its start would be {fault}")


def shift_to_start(campaign_id: str, state: CampaignState, at: Instant) -> ShiftPlanInput:
    """The move that makes the first message due at ``at``, the others as far behind as before."""
    assert state.first_due_at is not None
    return ShiftPlanInput(
        campaign_id=campaign_id,
        number=state.pauses + 1,
        by=at - state.first_due_at,
        scheduled_at=at,
    )


def respread_input(
    campaign_id: str, state: CampaignState, input: ChangeSpreadInput, now: Instant
) -> RespreadPlanInput:
    """The change that lays the plan out over another spread, and nothing in the past.

    While a campaign is paused its plan stands still, so what has passed is what lies before the
    pause: the time that is lost is added when it ends.
    """
    return RespreadPlanInput(
        campaign_id=campaign_id,
        number=state.pauses + 1,
        hours=input.hours,
        earliest=now if state.paused_at is None else state.paused_at,
        scheduled_at=None if input.at is None else max(input.at, now),
    )


def shift_by_pause(campaign_id: str, state: CampaignState, now: Instant) -> ShiftPlanInput:
    """The move by the time for which a pause that ends now has held up what was due."""
    assert state.paused_at is not None
    lost_from = state.paused_at
    if state.first_due_at is not None and not state.waves:
        lost_from = max(lost_from, state.first_due_at)
    return ShiftPlanInput(campaign_id=campaign_id, number=state.pauses + 1, by=now - lost_from)


def note_shift(state: CampaignState, by: Instant) -> None:
    """Note in the state that everything that waits moved; a first message that left stays."""
    if state.first_due_at is not None and not state.waves:
        state.first_due_at += by
    if state.last_due_at is not None:
        state.last_due_at += by


def _not_possible(reason: str) -> ApplicationError:
    return ApplicationError(reason, type=NOT_POSSIBLE, non_retryable=True)
