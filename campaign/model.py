"""The canonical records: a draft as a dialect reads it, and the messages made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from types import MappingProxyType

from campaign.canary import Brake, Canary
from campaign.credits import NO_CREDITS_MAX, PRICES, CreditsMax, MessageKind, Price
from campaign.events import EventEndpoint
from campaign.forecast import NO_LIMITS, Limits
from campaign.instants import DAY, Instant
from campaign.replies import ReplyOptions
from campaign.sending_windows import Purpose, Window
from campaign.states import MessageStatus

# How far a start may be ahead, and the longest spread, unless the installation sets another.
SCHEDULE_AHEAD_MAX: Instant = 366 * DAY
SPREAD_HOURS_MAX = 14 * 24.0

RECIPIENTS_MAX = 50_000
# With the members of mailing lists, where the dialect allows it.
LISTED_MAX = 1_000_000
# Of one recipient: how many values for tags, and the characters of each.
FIELDS_MAX = 50
FIELD_LENGTH_MAX = 1_600
NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class UnknownPolicy(StrEnum):
    """What happens to an unknown message if its carrier cannot look it up."""

    HOLD = "hold"  # it stays unknown until a receipt or an operator decides
    RESEND = "resend"  # it is sent again, possibly a second time


class Duplicates(StrEnum):
    """What happens to a repeated number in one request."""

    REFUSE = "refuse"
    SKIP = "skip"
    SKIP_EQUAL = "skip_equal"  # skipped only if the reference is the same, too
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits that a dialect sets on its requests; the core has no vendor's figures.

    ``literal``: texts are sent as written; ``{{NAME}}`` is no tag. ``blanks``: a tag without a
    value becomes empty and the message is marked ``fields_missing``, instead of a refusal.
    ``listed_max``: the most recipients with the members of mailing lists.
    ``unplanned``: a number outside of every numbering plan is left to the carrier.
    """

    recipients_min: int = 1
    recipients_max: int = RECIPIENTS_MAX
    listed_max: int = RECIPIENTS_MAX
    text_length_max: int = 1_600
    duplicates: Duplicates = Duplicates.SKIP
    uniform: bool = False
    literal: bool = False
    blanks: bool = False
    unplanned: bool = False
    schedule_ahead_max: Instant = SCHEDULE_AHEAD_MAX
    spread_hours_max: float = SPREAD_HOURS_MAX


@dataclass(frozen=True, slots=True)
class DraftRecipient:
    """One recipient of a draft, with the values that override the campaign's.

    ``to`` is canonical E.164 with ``+``. None means the campaign's value.

    ``mailing_list`` is the id of a list; ``to`` is empty until the list is replaced by its members
    (campaign/expanding.py). ``entry`` is then the position in the request.

    ``fault`` is a stable word for why this recipient cannot be sent to, if the dialect admits the
    request nevertheless. The message starts as ``failed`` with that reason: no rule checks it, and
    no credits are held. Only then may ``to`` have another form.
    """

    to: str
    # Keywords only: a text was once passed as the id of a list, unnoticed.
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
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A request to send in canonical form, before anything is stored.

    ``payload_hash`` is the SHA-256 (hex) of the canonical JSON of the request. With ``strict_key``
    the same key with another payload is refused. ``sandbox`` is that of the key that sent it.
    Without a ``purpose`` the account's counts. Nothing leaves at ``expires_at`` or later;
    ``validity_seconds`` is for how long carriers try.
    ``rate`` is how many segments per second leave at most, until the campaign ends.
    ``is_test`` says that it sends one text of another draft to the sender's own numbers,
    ``is_answer`` that it answers or forwards one inbound text.
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
    sandbox: bool = False
    purpose: Purpose | None = None
    window: Window | None = None
    expires_at: Instant | None = None
    validity_seconds: int | None = None
    smart_encoding: bool = False
    credits_max: CreditsMax = NO_CREDITS_MAX
    rate: float | None = None
    is_test: bool = False
    is_answer: bool = False
    canary: Canary | None = None
    brake: Brake | None = None


@dataclass(slots=True)
class Message:
    """The rendered message for one recipient; ``position`` counts from 0 in request order.

    ``list_id`` is the mailing list that the recipient came from. ``compliance_text`` is the text
    before its links were shortened, for the rules in ``JUDGEMENT``; None if it is the text.
    ``own_price`` is None for the standard price of its kind.
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
    time_zone: str | None = None
    own_price: Price | None = None

    @property
    def price(self) -> Price:
        """What it costs."""
        return self.own_price or PRICES[self.kind]


@dataclass(frozen=True, slots=True)
class Link:
    """A short link: its code, its message, and its target."""

    code: str
    message_id: str
    url: str


@dataclass(frozen=True, slots=True)
class ComposedCampaign:
    """A draft with its composed messages: the input of the rules in ``SHAPE``.

    ``lengths`` maps the positions of texts that were cut, being too long, to their whole lengths,
    ``written`` those of texts that smart encoding changed to the texts before that. Messages before
    ``canary_end`` are the canary; None without one.
    """

    draft: Draft
    messages: list[Message]
    received_at: Instant
    links: Sequence[Link] = ()
    lengths: Mapping[int, int] = field(default_factory=dict)
    written: Mapping[int, str] = field(default_factory=dict)
    canary_end: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A page of a large campaign: the position of its first message, of ``count`` in all."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """The input of the rules in ``JUDGEMENT``: facts from the store about one campaign.

    ``texts`` maps each distinct text, and ``senders`` each distinct sender, to the first position
    that uses it. ``quota`` is None if the account has none. ``spread_segments`` are those that the
    spread places, by sender, and ``limits`` their rates. ``price`` is that of what will be sent.
    """

    texts: Mapping[str, int]
    senders: Mapping[str, int]
    owned_senders: frozenset[str]
    to_send: int
    quota: int | None
    used_today: int
    spread_hours: float = 0.0
    spread_segments: Mapping[str, int] = field(default_factory=dict)
    limits: Limits = NO_LIMITS
    price: Price = Price()


NO_EVIDENCE = Evidence({}, {}, frozenset(), to_send=0, quota=None, used_today=0)
