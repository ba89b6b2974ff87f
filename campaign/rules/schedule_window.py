"""Schedule: not too far ahead, and no more than an hour in the past."""

from collections.abc import Iterator
from itertools import islice

from campaign.instants import Instant
from campaign.model import ComposedCampaign
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.schedule import window_fault


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse schedules outside the window (see campaign/schedule.py)."""
    draft = composed.draft
    if draft.scheduled_at is not None:
        fault = _fault(composed, draft.scheduled_at)
        if fault:
            yield Refusal(RefusalCode.SCHEDULE_INVALID, fault, "scheduleDateTime")
    yield from islice(_of_recipients(composed), SHOWN_MAX)


def _of_recipients(composed: ComposedCampaign) -> Iterator[Refusal]:
    for message in composed.messages:
        if message.scheduled_at is None:
            continue
        fault = _fault(composed, message.scheduled_at)
        if fault:
            place = f"recipients[{message.position}].scheduleDateTime"
            yield Refusal(RefusalCode.SCHEDULE_INVALID, fault, place)


def _fault(composed: ComposedCampaign, scheduled_at: Instant) -> str | None:
    ahead_max = composed.draft.policy.schedule_ahead_max
    return window_fault(scheduled_at, composed.received_at, ahead_max)
