"""When the messages of a draft are due: by its schedule, spread, canary and hours."""

from collections.abc import Iterable

from campaign.instants import Instant
from campaign.model import Draft, Message, Part
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.schedule import canary_instants, ideal_instants, planned_instant
from campaign.sending_windows import OUTSIDE_WINDOW, due_within, hours_of
from campaign.states import MessageStatus


def base_instant(draft: Draft, received_at: Instant) -> Instant:
    """The start of a draft's plan: its schedule, or ``received_at`` if that is later."""
    return max(draft.scheduled_at or received_at, received_at)


def give_instants(
    draft: Draft, received_at: Instant, messages: Iterable[Message], part: Part | None
) -> int | None:
    """Set when each message is due; returns the position after the last one of the canary."""
    spread_over = []
    for message in messages:
        if message.status is MessageStatus.FAILED:
            message.due_at = received_at
        elif message.scheduled_at is not None:
            message.due_at = max(message.scheduled_at, received_at)
        elif message.status is MessageStatus.QUEUED:
            spread_over.append(message)
        else:
            message.due_at = received_at
    start, count = base_instant(draft, received_at), len(spread_over)
    canary_end = None
    if part is not None:
        canary_end, instants = _instants_of_part(draft, start, spread_over, part)
    elif draft.canary is not None and spread_over:
        size = draft.canary.size_of(count)
        canary_end = spread_over[size - 1].position + 1
        wait = draft.canary.wait_seconds
        instants = canary_instants(start, draft.spread_hours, count, size, wait)
    else:
        instants = ideal_instants(start, draft.spread_hours, count)
    for message, instant in zip(spread_over, instants, strict=True):
        message.due_at = instant
    _keep_hours(draft, start if instants else received_at, messages)
    return canary_end


def _instants_of_part(
    draft: Draft, start: Instant, messages: Iterable[Message], part: Part
) -> tuple[int | None, list[Instant]]:
    """The end of the canary and the instants of a page, by the positions in the whole.

    The number of messages to spread is known only after the last page, so each message takes the
    instant of its position, and a skipped one leaves a gap.
    """
    canary = draft.canary
    size = 0 if canary is None else canary.size_of(part.count)
    wait = 0 if canary is None else canary.wait_seconds
    instants = [
        planned_instant(start, draft.spread_hours, part.count, message.position, (size, wait))
        for message in messages
    ]
    return None if canary is None else size, instants


def _keep_hours(draft: Draft, start: Instant, messages: Iterable[Message]) -> None:
    """Move messages into the hours of the campaign, or skip those that have none.

    Raises Refused if the hours are too short for the spread.
    """
    hours = hours_of(draft.purpose, draft.window)
    if hours is None:
        return
    for message in messages:
        if message.status is MessageStatus.QUEUED:
            open_at = hours.for_recipient(message.to, message.country, message.time_zone)
            since = start if message.scheduled_at is None else message.due_at
            due_at = due_within(hours, open_at, since, message.due_at)
            if due_at is None and not hours.skips and open_at.next_open(since) is not None:
                what = "is more than the hours in which the campaign may send have in a year"
                raise Refused(Refusal(RefusalCode.SPREAD_INVALID, what, "spreadHours"))
            if due_at is None:
                message.status, message.reason = MessageStatus.SKIPPED, OUTSIDE_WINDOW
            else:
                message.due_at = due_at
