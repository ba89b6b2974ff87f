"""The states of campaigns and messages, and the allowed moves (docs/states.md)."""

from enum import StrEnum


class CampaignStatus(StrEnum):
    """The status of a campaign; docs/states.md says who sets each one."""

    DRAFT = "draft"
    PREPARING = "preparing"
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
    # Its pages are written; a pause that was ordered meanwhile holds from its verdict on.
    CampaignStatus.PREPARING: frozenset(
        {
            CampaignStatus.REFUSED,
            CampaignStatus.SCHEDULED,
            CampaignStatus.PAUSED,
            CampaignStatus.CANCELLED,
        }
    ),
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
    # The only end that can be left: on request, messages that failed for a temporary reason are
    # retried under the same id.
    CampaignStatus.FINISHED_WITH_FAILURES: frozenset({CampaignStatus.RUNNING}),
}


class MessageStatus(StrEnum):
    """The status of a message; ``counts`` has these ten, which add up to ``total``."""

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


# A chunk may claim these.
WAITING = (MessageStatus.QUEUED, MessageStatus.RETRYABLE)
# Certainly handed to the carrier, so their credits are posted.
HANDED_OFF = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.UNDELIVERED)
# Certainly not sent, so their credits are voided.
GIVEN_UP = (MessageStatus.FAILED, MessageStatus.SKIPPED, MessageStatus.CANCELLED)

MESSAGE_MOVES: dict[MessageStatus, frozenset[MessageStatus]] = {
    # A queued message whose key another message has claimed is deferred without an attempt. A
    # requeued one may still get a late receipt.
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
    # By a retry of the campaign, if the reason is temporary: it was certainly not sent.
    MessageStatus.FAILED: frozenset({MessageStatus.QUEUED}),
}
