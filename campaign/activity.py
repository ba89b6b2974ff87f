"""Records of who did what: actors, actions, and the views of what was recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from campaign.instants import Instant


class ActorKind(StrEnum):
    """Who acts: an API key, the operator at the command line, or Godwit by itself."""

    KEY = "key"
    OPERATOR = "operator"
    SYSTEM = "system"


class Action(StrEnum):
    """What was done; the words are stable."""

    CAMPAIGN_CREATED = "campaign.created"
    CAMPAIGN_PAUSED = "campaign.paused"
    CAMPAIGN_RESUMED = "campaign.resumed"
    CAMPAIGN_CANCELLED = "campaign.cancelled"
    CAMPAIGN_RETRIED = "campaign.retried"
    CAMPAIGN_CHANGED = "campaign.changed"
    MESSAGE_RESOLVED = "message.resolved"
    RATE_CHANGED = "rate.changed"
    BRAKE_SET = "brake.set"
    BRAKE_RELEASED = "brake.released"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CHANGED = "account.changed"
    CREDITS_GRANTED = "credits.granted"
    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    SENDER_REQUESTED = "sender.requested"
    SENDER_ADDED = "sender.added"
    SENDER_CHANGED = "sender.changed"
    SENDER_REMOVED = "sender.removed"
    OPT_OUT_ADDED = "opt_out.added"
    OPT_OUT_IMPORTED = "opt_out.imported"
    OPT_OUT_REMOVED = "opt_out.removed"
    PERSON_ERASED = "person.erased"
    KEYWORDS_CHANGED = "keywords.changed"
    LIST_CREATED = "list.created"
    LIST_CHANGED = "list.changed"
    LIST_REMOVED = "list.removed"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_REMOVED = "webhook.removed"


@dataclass(slots=True)
class Actor:
    """Who acts now.

    ``key_id`` is that of an API key, known once the request is authenticated; only recorded actions
    have its ``key_name``. ``request_id`` and ``address`` are those of an HTTP request; the address
    is that of the client, behind trusted proxies.
    """

    kind: ActorKind = ActorKind.SYSTEM
    key_id: str | None = None
    request_id: str | None = None
    address: str | None = None
    key_name: str | None = None


@dataclass(frozen=True, slots=True)
class ActivityView:
    """One recorded action; ``account_id`` is None for one that concerns every account.

    ``subject`` is the id of what was changed. A person is named by a keyed hash. ``before`` and
    ``after`` have what was changed, without numbers, texts and secrets.
    """

    id: str
    account_id: str | None
    at: Instant
    actor: Actor
    action: str
    subject: str | None
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which actions to list; what is None does not matter.

    ``since`` is the first instant, ``until`` the first one no longer. ``actor`` is a key id,
    "operator" or "system". ``subject`` may be a phone number.
    """

    since: Instant | None = None
    until: Instant | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
