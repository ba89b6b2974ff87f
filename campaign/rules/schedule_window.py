"""Schedule: not too far ahead, and no more than an hour in the past."""

from collections.abc import Iterator
from itertools import islice

from campaign.instants import Instant
from campaign.model import Candidate
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.schedule import window_fault


def check(candidate: Candidate) -> Iterator[Refusal]:
    """Refuse schedules outside the window (see campaign/schedule.py)."""
    draft = candidate.draft
    if draft.scheduled_at is not None:
        fault = _fault(candidate, draft.scheduled_at)
        if fault:
            yield Refusal(RefusalCode.SCHEDULE_INVALID, fault, "scheduleDateTime")
    yield from islice(_of_recipients(candidate), SHOWN_MAX)


def _of_recipients(candidate: Candidate) -> Iterator[Refusal]:
    for message in candidate.messages:
        if message.scheduled_at is None:
            continue
        fault = _fault(candidate, message.scheduled_at)
        if fault:
            place = f"recipients[{message.position}].scheduleDateTime"
            yield Refusal(RefusalCode.SCHEDULE_INVALID, fault, place)


def _fault(candidate: Candidate, scheduled_at: Instant) -> str | None:
    ahead_max = candidate.draft.policy.schedule_ahead_max
    return window_fault(scheduled_at, candidate.received_at, ahead_max)
