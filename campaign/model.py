"""The canonical records: a draft as a dialect reads it, and the messages it becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from types import MappingProxyType

from campaign.credits import MessageKind
from campaign.events import EventEndpoint
from campaign.instants import DAY, Instant
from campaign.replies import ReplyOptions
from campaign.states import MessageStatus

SCHEDULE_AHEAD_MAX: Instant = 35 * DAY

RECIPIENTS_MAX = 50_000
SPREAD_HOURS_MAX = 72.0
NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class UnknownPolicy(StrEnum):
    """What happens to a message that may or may not have left, once its carrier cannot tell."""

    HOLD = "hold"  # it stays unknown until a receipt or an operator says
    RESEND = "resend"  # it is sent again: better twice than never


class Duplicates(StrEnum):
    """What happens to a number that occurs twice in one request."""

    REFUSE = "refuse"
    SKIP = "skip"
    SKIP_EQUAL = "skip_equal"  # skipped only where the reference is the same as well
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits that a dialect sets on its requests; the core has no vendor's figures.

    With ``literal`` texts are sent as they are written: ``{{NAME}}`` is no tag. With ``blanks`` a
    tag that has no value becomes empty, and the message is marked ``fields_missing``, instead of
    a refusal. With ``unplanned`` a number that no numbering plan knows is left to the carrier.
    """

    recipients_min: int = 1
    recipients_max: int = RECIPIENTS_MAX
    text_length_max: int = 1_600
    duplicates: Duplicates = Duplicates.SKIP
    uniform: bool = False
    literal: bool = False
    blanks: bool = False
    unplanned: bool = False
    schedule_ahead_max: Instant = SCHEDULE_AHEAD_MAX


@dataclass(frozen=True, slots=True)
class DraftRecipient:
    """One person of a draft, with whatever this person has of their own.

    ``to`` is canonical E.164 with ``+``. None means "as the campaign says".

    ``mailing_list`` is the id of a list whose members are meant; ``to`` is empty until the list
    has been expanded (campaign/expanding.py). ``entry`` is then the position in the request.

    ``fault`` is a short stable word that says why this one cannot be sent, where the dialect
    takes a request in spite of it. The message is then born ``failed`` with that reason: no rule
    looks at it, and nothing is held or sent for it. Only then may ``to`` have another shape.
    """

    to: str
    # By name alone: a text that slipped into the place of a list's id went unnoticed once.
    _: KW_ONLY
    mailing_list: str | None = None
    text: str | None = None
    media_url: str | None = None
    sender: str | None = None
    scheduled_at: Instant | None = None
    key: str | None = None
    reference: str | None = None
    fields: Mapping[str, str] = field(default_factory=lambda: NO_FIELDS)
    endpoint: EventEndpoint | None = None
    fault: str | None = None
    entry: int | None = None
    replies: ReplyOptions | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A request to send, in canonical words, before anything is stored.

    ``payload_hash`` is the SHA-256 (hex) of the canonical JSON of the request; it tells a
    replay from another payload under the same key, which ``strict_key`` makes a refusal.
    """

    account_id: str
    dialect: str
    recipients: list[DraftRecipient]
    policy: Policy = field(default_factory=Policy)
    name: str | None = None
    sender: str | None = None
    text: str | None = None
    media_url: str | None = None
    scheduled_at: Instant | None = None
    spread_hours: float = 0.0
    key: str | None = None
    strict_key: bool = False
    payload_hash: str = ""
    exclude_opt_outs: bool = True
    unknown_policy: UnknownPolicy = UnknownPolicy.HOLD
    shorten_urls: bool = False
    endpoint: EventEndpoint | None = None


@dataclass(slots=True)
class Message:
    """The rendered thing for one recipient; ``position`` counts from 0 in request order.

    ``list_id`` is the mailing list that brought the recipient. ``compliance_text`` is what the
    rules of judgement look at, where that is not the text: the one with its links not yet
    shortened.
    """

    position: int
    id: str
    to: str
    text: str
    media_url: str | None
    sender: str
    kind: MessageKind
    segments: int
    due_at: Instant
    scheduled_at: Instant | None = None
    key: str | None = None
    reference: str | None = None
    list_id: str | None = None
    compliance_text: str | None = None
    status: MessageStatus = MessageStatus.QUEUED
    reason: str | None = None
    country: str | None = None
    line_type: str | None = None
    network: str | None = None
    callback_url: str | None = None
    callback_method: str | None = None
    replies: ReplyOptions | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A short link: its code, the message that it is in, and where it leads."""

    code: str
    message_id: str
    url: str


@dataclass(frozen=True, slots=True)
class ComposedCampaign:
    """A draft with its messages composed: what the shape rules look at."""

    draft: Draft
    messages: list[Message]
    received_at: Instant
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the judgement rules look at: facts gathered from the store for one campaign.

    ``texts`` maps each distinct text, and ``senders`` each distinct sender, to the first
    position that uses it. ``quota`` is None where the account has none.
    """

    texts: Mapping[str, int]
    senders: Mapping[str, int]
    owned_senders: frozenset[str]
    to_send: int
    quota: int | None
    used_today: int
