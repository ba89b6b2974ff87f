"""Expiry: after the request and every schedule, or something could never be sent; not too far."""

from collections.abc import Iterator
from itertools import islice

from campaign.model import ComposedCampaign
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.schedule import expiry_fault


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse an expiry in the past or too far ahead, and schedules at or after it."""
    draft, expires_at = composed.draft, composed.draft.expires_at
    if expires_at is None:
        return
    fault = expiry_fault(expires_at, composed.received_at, draft.policy.schedule_ahead_max)
    if fault:
        yield Refusal(RefusalCode.FIELD_INVALID, fault, "expiresAt")
    elif draft.scheduled_at is not None and expires_at <= draft.scheduled_at:
        what = "must be later than scheduleDateTime"
        yield Refusal(RefusalCode.FIELD_INVALID, what, "expiresAt")
    late = (
        f"recipients[{message.position}].scheduleDateTime"
        for message in composed.messages
        if message.scheduled_at is not None and message.scheduled_at >= expires_at
    )
    for place in islice(late, SHOWN_MAX):
        yield Refusal(RefusalCode.SCHEDULE_INVALID, "must be before expiresAt", place)
