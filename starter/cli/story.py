"""What became of one message, as sentences."""

from collections.abc import Iterator

from campaign.explaining import Why, reason_in_words
from campaign.instants import SECOND, Instant
from campaign.states import MessageStatus
from campaign.views import AttemptView, MessageStory, MessageView
from starter.cli.context import plain
from starter.cli.words import utc, when

# Causes that a line says in words of its own.
_TIMES = ("not_due", "ready")


def sentences(story: MessageStory, why: Why, now: Instant) -> Iterator[str]:
    """The state of a message and why, its attempts and its key, one sentence or two a line."""
    message = story.message
    size = f"{message.segments} segment{'' if message.segments == 1 else 's'}"
    yield (
        f"{message.id} is the {message.kind} at position {message.position} from "
        f"{plain(message.sender)} to {plain(message.to)}, {size}."
    )
    yield _state(message, why, story.campaign_id, now)
    if why.expected_at is not None and why.expected_at >= max(now, message.due_at) + SECOND:
        yield f"It is expected to leave {when(why.expected_at, now)}."
    for attempt in story.attempts:
        yield _attempt(attempt)
    if message.duplicate_of:
        yield f"Its idempotency key was spent by {message.duplicate_of}."
    if story.key_holder == message.id:
        free_at = story.key_free_at
        spent = "is claimed" if free_at is None else f"is spent until {utc(free_at)}"
        yield f"Its idempotency key {spent}."


def _state(message: MessageView, why: Why, campaign_id: str, now: Instant) -> str:
    because = ""
    if why.reason is not None:
        because = f", because {plain(why.reason.detail)}"
        if why.reason.detail != why.reason.code:
            because += f" ({why.reason.code})"
    final = "" if message.final_at is None else f" at {utc(message.final_at)}"
    sent = "" if message.sent_at is None else f" at {utc(message.sent_at)}"
    due = when(message.due_at, now)
    # The line has the time when it is due.
    held = "".join(f"; {plain(one.detail)}" for one in why.holds if one.code not in _TIMES)
    match message.status:
        case MessageStatus.QUEUED:
            return f"It waits to be sent and is due {due}{held}."
        case MessageStatus.RETRYABLE:
            return f"It was put off{because}; its next try is due {due}{held}."
        case MessageStatus.SENDING:
            return "It was claimed by a worker, and no answer of the carrier is recorded yet."
        case MessageStatus.SENT:
            return f"It was handed to the carrier{sent}; no receipt has come yet."
        case MessageStatus.DELIVERED:
            return f"It was delivered{final}."
        case MessageStatus.UNDELIVERED:
            return f"The carrier took it and reported{final} that it was not delivered{because}."
        case MessageStatus.FAILED:
            return f"It failed{final}{because}."
        case MessageStatus.SKIPPED:
            return f"It was not sent{because}."
        case MessageStatus.CANCELLED:
            return f"It was cancelled before it left{because}."
    return (
        f"Nobody knows whether it left{because}. When you do, run 'godwit resolve {campaign_id} "
        f"{message.id} sent' or 'failed'."
    )


def _attempt(attempt: AttemptView) -> str:
    by = f" through {attempt.carrier}" if attempt.carrier else ""
    began = f"Attempt {attempt.number}{by} began at {utc(attempt.started_at)}"
    if attempt.ended_at is None:
        return f"{began}; its outcome is not recorded."
    took = (attempt.ended_at - attempt.started_at) / SECOND
    code = attempt.code
    how = f"{attempt.outcome}" + (f", {plain(reason_in_words(code))} ({code})" if code else "")
    return f"{began} and ended {took:.1f} s later: {how}."
