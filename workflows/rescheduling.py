"""When a campaign may begin at another time, and the move that this comes to."""

from temporalio.exceptions import ApplicationError

from activities.orders import PushOrder
from campaign.instants import Instant
from campaign.states import CAMPAIGN_ENDS
from workflows.orders import CampaignState

NOT_POSSIBLE = "reschedule_not_possible"


def refuse_reschedule(state: CampaignState, moving: bool) -> None:
    """Raise an ApplicationError of the type ``NOT_POSSIBLE`` unless the campaign still waits.

    After the first wave some recipients have their message; a second beginning would split the
    campaign, or tempt somebody to send twice.
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
    raise ApplicationError(reason, type=NOT_POSSIBLE, non_retryable=True)


def push_order(campaign_id: str, state: CampaignState, at: Instant) -> PushOrder:
    """The move that makes the first message due at ``at``, the others as far behind as before."""
    assert state.first_due_at is not None
    return PushOrder(
        campaign_id=campaign_id,
        number=state.pauses + 1,
        by=at - state.first_due_at,
        scheduled_at=at,
    )
