"""What the entry points see of campaigns and messages, as read at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from campaign.credits import PRICES, MessageKind, Price
from campaign.instants import Instant
from campaign.ports import Tally
from campaign.refusals import Refusal
from campaign.sequential_test import Stop, stop_from_json
from campaign.states import CampaignStatus, MessageStatus


@dataclass(frozen=True, slots=True)
class ClickView:
    """One visit through a short link; a ``preview`` was by a program and counts as no click."""

    id: str
    code: str
    message_id: str
    url: str
    at: Instant
    preview: bool = False


@dataclass(frozen=True, slots=True)
class ClickCounts:
    """The clicks of a campaign: all, the messages with at least one, and previews."""

    total: int = 0
    unique: int = 0
    previews: int = 0


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What the store adds up and forecasts for one campaign at the moment of asking.

    ``rate`` is its own limit in segments per second. ``planned_end`` is when the last of its unsent
    messages is expected to leave; None while it is paused and once nothing is left to send.
    ``reasons`` counts messages by state and reason, such as ``("failed", "invalid_number")``.
    ``held`` are the credits still held, ``posted`` those that were spent, ``voided`` those that
    were returned.
    """

    rate: float | None = None
    planned_end: Instant | None = None
    reasons: Mapping[tuple[str, str], int] = field(default_factory=dict)
    held: Price = Price()
    posted: Price = Price()
    voided: Price = Price()


@dataclass(frozen=True, slots=True)
class CampaignView:
    """One campaign with its counts at the moment of asking.

    While it is paused, ``paused_by`` says who decided that: "person" or "system". ``problem`` is
    why an open campaign does not go on by itself ("workflow_lost"), and mostly None. ``ordered`` is
    an order that the campaign has not carried out yet, ``ordered_at`` the number of the last one.
    ``replies`` counts the inbound texts that answer its messages.
    ``clicks`` are those on its short links. In the ``sandbox`` nothing leaves and nothing is paid.
    ``is_test``: it sends the text of one recipient to the sender's own numbers.
    ``sending_window``, ``canary`` and ``brake`` are the JSON of its window and guards, ``stop`` is
    that of why a guard stopped it last (campaign/sequential_test.py). ``canary_decision`` is "go"
    or "stop". ``traceparent`` is the W3C header of the request that brought it, if that is sampled.
    From ``messages_removed_at`` on its messages are removed, and its counts stay.
    While it is prepared, ``total`` grows to about ``expected_total``.
    ``facts`` are empty where the reader left them out.
    """

    id: str
    account_id: str
    dialect: str
    status: CampaignStatus
    name: str | None
    sender: str | None
    total: int
    created_at: Instant
    scheduled_at: Instant | None
    spread_hours: float
    base_at: Instant
    key: str | None
    payload_hash: str
    refusals: list[Refusal]
    started_at: Instant | None
    finished_at: Instant | None
    tally: Tally
    paused_at: Instant | None = None
    paused_by: str | None = None
    problem: str | None = None
    ordered: str | None = None
    ordered_at: Instant | None = None
    replies: int = 0
    clicks: ClickCounts = ClickCounts()
    purpose: str | None = None
    sending_window: str | None = None
    expires_at: Instant | None = None
    validity_seconds: int | None = None
    sandbox: bool = False
    is_test: bool = False
    canary: str | None = None
    canary_decision: str | None = None
    brake: str | None = None
    stop: str | None = None
    traceparent: str | None = None
    messages_removed_at: Instant | None = None
    expected_total: int | None = None
    facts: CampaignFacts = field(default_factory=CampaignFacts)

    @property
    def preparation(self) -> Mapping[str, int] | None:
        """How many messages are written of how many expected ones, while it is prepared."""
        if self.status is not CampaignStatus.PREPARING:
            return None
        expected = max(self.total, self.expected_total or 0)
        return {"written": self.total, "expected": expected}

    @property
    def pause_reason(self) -> Stop | None:
        """Why its canary or its brake has paused it; None if neither has."""
        last = self.last_stop
        is_paused = self.status is CampaignStatus.PAUSED
        return last if last is not None and is_paused and self.problem == last.code else None

    @property
    def last_stop(self) -> Stop | None:
        """Why its canary or its brake paused it last, whatever happened since."""
        return None if self.stop is None else stop_from_json(self.stop)


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message, as read at one moment; ``own_price`` is None for the standard one."""

    id: str
    position: int
    to: str
    text: str
    media_url: str | None
    sender: str
    kind: MessageKind
    segments: int
    status: MessageStatus
    reason: str | None
    attempts: int
    due_at: Instant
    scheduled_at: Instant | None
    sent_at: Instant | None
    final_at: Instant | None
    key: str | None
    reference: str | None
    error: str | None
    carrier_id: str | None
    country: str | None
    line_type: str | None
    network: str | None
    duplicate_of: str | None
    own_price: Price | None = None

    @property
    def price(self) -> Price:
        """What it costs."""
        return self.own_price or PRICES[self.kind]


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One try of a message; ``ended_at`` is None while it runs, or after its worker died.

    ``text`` is what was sent, which the message may not have any more.
    """

    number: int
    started_at: Instant
    ended_at: Instant | None
    outcome: str | None
    code: str | None
    carrier: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class MessageStory:
    """Everything that is known of one message, and the id of its campaign.

    ``key_holder`` is the id of the message that holds its idempotency key now, if one does;
    ``key_free_at`` is when the key is free again, None until the holder is sent.
    """

    campaign_id: str
    message: MessageView
    attempts: Sequence[AttemptView]
    key_holder: str | None = None
    key_free_at: Instant | None = None
