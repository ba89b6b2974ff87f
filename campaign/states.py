"""The states of a campaign and of a message, and which may follow which (docs/states.md)."""

from enum import StrEnum


class CampaignStatus(StrEnum):
    """Where a campaign stands; see docs/states.md for who sets each and when it leaves."""

    DRAFT = "draft"
    REFUSED = "refused"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FINISHED_WITH_FAILURES = "finished_with_failures"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


CAMPAIGN_ENDS = frozenset(
    {
        CampaignStatus.REFUSED,
        CampaignStatus.FINISHED,
        CampaignStatus.FINISHED_WITH_FAILURES,
        CampaignStatus.CANCELLED,
        CampaignStatus.EXPIRED,
    }
)

# Admitted and not ended: a workflow must run for each of these.
CAMPAIGN_OPEN = (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED)

CAMPAIGN_MOVES: dict[CampaignStatus, frozenset[CampaignStatus]] = {
    CampaignStatus.DRAFT: frozenset({CampaignStatus.REFUSED, CampaignStatus.SCHEDULED}),
    CampaignStatus.SCHEDULED: frozenset(
        {CampaignStatus.RUNNING, CampaignStatus.PAUSED} | (CAMPAIGN_ENDS - {CampaignStatus.REFUSED})
    ),
    CampaignStatus.RUNNING: frozenset(
        {CampaignStatus.PAUSED} | (CAMPAIGN_ENDS - {CampaignStatus.REFUSED})
    ),
    CampaignStatus.PAUSED: frozenset(
        {CampaignStatus.SCHEDULED, CampaignStatus.RUNNING}
        | (CAMPAIGN_ENDS - {CampaignStatus.REFUSED})
    ),
    # The one end that is left again, and only when somebody asks for it: what failed for a reason
    # that may pass is retried under the same id.
    CampaignStatus.FINISHED_WITH_FAILURES: frozenset({CampaignStatus.RUNNING}),
}


class MessageStatus(StrEnum):
    """Where one message stands; the ten values that ``counts`` sums to ``total``."""

    QUEUED = "queued"
    SENDING = "sending"
    RETRYABLE = "retryable"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


# What a chunk may still pick up.
WAITING = (MessageStatus.QUEUED, MessageStatus.RETRYABLE)
# Handed to the carrier for certain, therefore paid.
HANDED_OFF = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.UNDELIVERED)
# Certainly not sent and never to be, therefore given back.
GIVEN_UP = (MessageStatus.FAILED, MessageStatus.SKIPPED, MessageStatus.CANCELLED)

MESSAGE_MOVES: dict[MessageStatus, frozenset[MessageStatus]] = {
    # A queued message whose key another one is just using is put off without a try. One that
    # failed before may have a late receipt.
    MessageStatus.QUEUED: frozenset(
        {
            MessageStatus.SENDING,
            MessageStatus.RETRYABLE,
            MessageStatus.SKIPPED,
            MessageStatus.CANCELLED,
            MessageStatus.DELIVERED,
            MessageStatus.UNDELIVERED,
        }
    ),
    MessageStatus.RETRYABLE: frozenset(
        {
            MessageStatus.SENDING,
            MessageStatus.SKIPPED,
            MessageStatus.CANCELLED,
            MessageStatus.FAILED,
            MessageStatus.DELIVERED,
            MessageStatus.UNDELIVERED,
            MessageStatus.UNKNOWN,
        }
    ),
    MessageStatus.SENDING: frozenset(
        {
            MessageStatus.SENT,
            MessageStatus.DELIVERED,
            MessageStatus.UNDELIVERED,
            MessageStatus.RETRYABLE,
            MessageStatus.FAILED,
            MessageStatus.SKIPPED,
            MessageStatus.UNKNOWN,
        }
    ),
    MessageStatus.UNKNOWN: frozenset(
        {
            MessageStatus.SENDING,
            MessageStatus.RETRYABLE,
            MessageStatus.SENT,
            MessageStatus.DELIVERED,
            MessageStatus.UNDELIVERED,
            MessageStatus.FAILED,
        }
    ),
    MessageStatus.SENT: frozenset({MessageStatus.DELIVERED, MessageStatus.UNDELIVERED}),
    # When its campaign is retried, where the reason may pass: it was certainly not sent.
    MessageStatus.FAILED: frozenset({MessageStatus.QUEUED}),
}
