"""What became of one message, as sentences."""

from collections.abc import Iterator

from campaign.instants import SECOND, Instant
from campaign.states import CAMPAIGN_ENDS, CampaignStatus, MessageStatus
from campaign.views import AttemptView, CampaignView, MessageStory, MessageView
from starter.cli.context import plain
from starter.cli.words import reason_in_words, utc, when


def sentences(campaign: CampaignView, story: MessageStory, now: Instant) -> Iterator[str]:
    """The state of a message and why, its attempts and its key, one sentence or two a line."""
    message = story.message
    size = f"{message.segments} segment{'' if message.segments == 1 else 's'}"
    yield (
        f"{message.id} is the {message.kind} at position {message.position} from "
        f"{plain(message.sender)} to {plain(message.to)}, {size}."
    )
    yield _state(campaign, message, story, now)
    for attempt in story.attempts:
        yield _attempt(attempt)
    if message.duplicate_of:
        yield f"Its idempotency key was spent by {message.duplicate_of}."
    if story.key_holder == message.id:
        free_at = story.key_free_at
        spent = "is claimed" if free_at is None else f"is spent until {utc(free_at)}"
        yield f"Its idempotency key {spent}."


def _state(campaign: CampaignView, message: MessageView, story: MessageStory, now: Instant) -> str:
    because = ""
    if code := message.reason or message.error:
        because = f", because {plain(reason_in_words(code))}"
        if reason_in_words(code) != code:
            because += f" ({code})"
    final = "" if message.final_at is None else f" at {utc(message.final_at)}"
    match message.status:
        case MessageStatus.QUEUED:
            return f"It waits to be sent and is due {when(message.due_at, now)}{_held(campaign)}."
        case MessageStatus.RETRYABLE:
            due = when(message.due_at, now)
            return f"It was put off{because}; its next try is due {due}{_held(campaign)}."
        case MessageStatus.SENDING:
            return "It was claimed by a worker, and no answer of the carrier is recorded yet."
        case MessageStatus.SENT:
            sent = "" if message.sent_at is None else f" at {utc(message.sent_at)}"
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
        f"Nobody knows whether it left{because}. When you do, run 'godwit resolve {campaign.id} "
        f"{message.id} sent' or 'failed'."
    )


def _held(campaign: CampaignView) -> str:
    """What holds a waiting message besides its time."""
    if campaign.problem is not None:
        return f"; its campaign is held ({plain(campaign.problem)})"
    if campaign.status is CampaignStatus.PAUSED:
        return "; its campaign is paused"
    if campaign.status in (CampaignStatus.DRAFT, *CAMPAIGN_ENDS):
        return f"; its campaign is {campaign.status}"
    return ""


def _attempt(attempt: AttemptView) -> str:
    by = f" through {attempt.carrier}" if attempt.carrier else ""
    began = f"Attempt {attempt.number}{by} began at {utc(attempt.started_at)}"
    if attempt.ended_at is None:
        return f"{began}; its outcome is not recorded."
    took = (attempt.ended_at - attempt.started_at) / SECOND
    code = attempt.code
    how = f"{attempt.outcome}" + (f", {plain(reason_in_words(code))} ({code})" if code else "")
    return f"{began} and ended {took:.1f} s later: {how}."
