"""Events for accounts: their names, their destinations, and when a delivery is retried."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from campaign.ids import ID_BYTES, make_id
from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant
from campaign.states import CampaignStatus, MessageStatus

NATIVE = "native"
WEBHOOK_PREFIX = "whk_"
LISTENER_PREFIX = "lsn_"
CALLBACK_PREFIX = "cbk_"
ADDRESS_PREFIX = "dst_"

# The waits before each try (Standard Webhooks 1.0.0): ten of them over 75 h 35 m 05 s.
TRY_WAITS: tuple[Instant, ...] = (
    0,
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
JITTER_SHARE = 0.1
RETRY_AFTER_MAX: Instant = 24 * HOUR
# Deliveries to a destination that never answers end as dead after this time.
CALLBACK_LIFE: Instant = 5 * DAY
# For this time after a rotation the previous secret signs, too.
SECRETS_OVERLAP: Instant = 24 * HOUR
# A listener that asks for no deliveries for this time has ended.
LISTENER_LIFE: Instant = HOUR


class EndpointMethod(StrEnum):
    """The HTTP method of a callback."""

    POST = "POST"
    GET = "GET"


@dataclass(frozen=True, slots=True)
class EventEndpoint:
    """Where the events of a message go; the dialect that read the URL has checked its form."""

    url: str
    method: EndpointMethod = EndpointMethod.POST


class Event(StrEnum):
    """What is reported: the end of a message or campaign, a pause, a text, a click, an opt-out."""

    MESSAGE_SENT = "message.sent"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_UNDELIVERED = "message.undelivered"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_UNKNOWN = "message.unknown"
    MESSAGE_RECEIVED = "message.received"
    LINK_CLICKED = "link.clicked"
    CAMPAIGN_FINISHED = "campaign.finished"
    CAMPAIGN_FINISHED_WITH_FAILURES = "campaign.finished_with_failures"
    CAMPAIGN_CANCELLED = "campaign.cancelled"
    CAMPAIGN_EXPIRED = "campaign.expired"
    CAMPAIGN_PAUSED = "campaign.paused"
    OPT_OUT_ADDED = "opt_out.added"
    OPT_OUT_REMOVED = "opt_out.removed"
    WEBHOOK_TEST = "webhook.test"


MESSAGE_EVENTS: dict[MessageStatus, Event] = {
    MessageStatus.SENT: Event.MESSAGE_SENT,
    MessageStatus.DELIVERED: Event.MESSAGE_DELIVERED,
    MessageStatus.UNDELIVERED: Event.MESSAGE_UNDELIVERED,
    MessageStatus.FAILED: Event.MESSAGE_FAILED,
    MessageStatus.UNKNOWN: Event.MESSAGE_UNKNOWN,
}
CAMPAIGN_EVENTS: dict[CampaignStatus, Event] = {
    CampaignStatus.FINISHED: Event.CAMPAIGN_FINISHED,
    CampaignStatus.FINISHED_WITH_FAILURES: Event.CAMPAIGN_FINISHED_WITH_FAILURES,
    CampaignStatus.CANCELLED: Event.CAMPAIGN_CANCELLED,
    CampaignStatus.EXPIRED: Event.CAMPAIGN_EXPIRED,
    CampaignStatus.PAUSED: Event.CAMPAIGN_PAUSED,
}
# What a webhook may subscribe to; a test goes to the one that it is for.
SUBSCRIBABLE = frozenset({"*", "message.*", "campaign.*", "link.*", "opt_out.*", *Event}) - {
    Event.WEBHOOK_TEST
}
OPT_OUT_EVENTS = frozenset({Event.OPT_OUT_ADDED, Event.OPT_OUT_REMOVED})


@dataclass(frozen=True, slots=True)
class Destination:
    """Where callbacks go: one queue with one workflow that delivers it."""

    id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """Something that happened to a message: it reached a status at an instant."""

    message_id: str
    status: MessageStatus
    at: Instant


def hears(wanted: Collection[str], event: Event) -> bool:
    """True if a subscription to ``wanted`` (names, ``message.*``, ``*``) includes an event."""
    return event in wanted or "*" in wanted or f"{event.partition('.')[0]}.*" in wanted


def destination_of(account_id: str, url: str) -> str:
    """The id of the destination of a URL: a digest of its account and origin.

    URLs often differ from message to message in their query only. All deliveries of one account to
    one server share a workflow, its pauses and its limits.
    """
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}".lower()
    except ValueError:
        origin = url
    return make_id(ADDRESS_PREFIX, _digest(account_id, origin))


def callback_id(destination: str, event: Event, subject: str, at: Instant) -> str:
    """The id of the delivery of an event of a message, campaign, text or click to a destination.

    The same event has the same id, so it is stored once.
    """
    return make_id(CALLBACK_PREFIX, _digest(destination, event, subject, str(at)))


def next_call_at(
    now: Instant, tries: int, jitter: float, retry_after: float | None = None
) -> Instant | None:
    """When a delivery that failed ``tries`` times is due again; None if its retries are used up.

    ``jitter`` in [0, 1) lengthens the wait by up to a tenth, so that deliveries which failed
    together are not retried together. The receiver's ``retry_after`` (seconds, at most a day)
    can lengthen it, never shorten it.
    """
    if tries >= len(TRY_WAITS):
        return None
    wait = round(TRY_WAITS[tries] * (1 + JITTER_SHARE * jitter))
    if retry_after is not None and retry_after > 0:
        wait = max(wait, round(min(retry_after * SECOND, RETRY_AFTER_MAX)))
    return now + wait


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\n".join(parts).encode()).digest()[:ID_BYTES]
