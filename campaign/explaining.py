"""Why a message is in its state, as data: for the API, the command line and the console."""

from collections.abc import Iterator
from dataclasses import dataclass

from campaign.instants import Instant, iso
from campaign.states import CAMPAIGN_ENDS, WAITING, CampaignStatus, MessageStatus
from campaign.views import CampaignView, MessageView

# What the codes of messages mean; any other one is shown as it is.
REASONS = {
    "opted_out": "the recipient opted out",
    "left_list": "the recipient left the mailing list",
    "duplicate": "the number is there twice, and gets one message",
    "duplicate_key": "another message has spent its idempotency key",
    "key_busy": "another message is using its idempotency key",
    "campaign_cancelled": "its campaign was cancelled",
    "campaign_refused": "its campaign was refused",
    "invalid_number": "the carrier calls the number invalid",
    "blocked": "the carrier blocked it",
    "not_accepted": "the carrier denied to have it",
    "outside_window": "no time was left at which it may be sent",
    "expired": "its time to be sent or delivered had passed",
    "interrupted": "the worker died before an answer came",
    "no_connection": "the carrier could not be reached",
    "timeout": "the carrier did not answer in time",
    "unavailable": "the carrier was unavailable",
}
_NEXT = {
    MessageStatus.SENDING: (
        "in_flight",
        "a worker has claimed it, and no answer of the carrier is recorded yet",
    ),
    MessageStatus.SENT: ("no_receipt", "the carrier has it, and no receipt has come yet"),
    MessageStatus.DELIVERED: ("receipt", "the carrier reported its delivery"),
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason for the state of a message: a stable code, and what it means."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """When a waiting message is expected to leave, and what holds it besides its campaign.

    ``limited_by`` names a rate that lets it leave only after it is due, ``down`` its carriers if
    none of them works.
    """

    expected_at: Instant
    limited_by: str | None = None
    down: str | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a message is in its state.

    ``reason`` is what brought it there. ``holds`` is what a waiting message waits for.
    ``expected_at`` is when it leaves if nothing else happens; None if nobody can tell.
    """

    state: MessageStatus
    reason: Cause | None
    holds: tuple[Cause, ...] = ()
    expected_at: Instant | None = None

    @property
    def because(self) -> tuple[Cause, ...]:
        """All causes, what happened first."""
        return ((self.reason,) if self.reason else ()) + self.holds


def explain(
    campaign: CampaignView, message: MessageView, outlook: Outlook | None, now: Instant
) -> Why:
    """Explain the state of a message; ``outlook`` is for one that waits."""
    status, reason = message.status, None
    if status in _NEXT:
        reason = Cause(*_NEXT[status])
    elif code := message.reason or message.error:
        reason = Cause(code, reason_in_words(code))
    if status not in WAITING:
        return Why(status, reason)
    blocks = tuple(_blocks(campaign, outlook))
    holds = tuple(_delays(message, outlook, now))
    expected_at = None if blocks or outlook is None else outlook.expected_at
    ready = Cause("ready", "it is due, and a worker takes it next")
    return Why(status, reason, holds + blocks or (ready,), expected_at)


def reason_in_words(code: str) -> str:
    """What a reason code says; a code without words stays as it is."""
    return REASONS.get(code, code)


def _blocks(campaign: CampaignView, outlook: Outlook | None) -> Iterator[Cause]:
    """What holds a message for as long as somebody or something else wants."""
    if (stop := campaign.pause_reason) is not None:
        yield Cause(stop.code, stop.detail)
    elif campaign.problem is not None:
        yield Cause(campaign.problem, f"its campaign is held ({campaign.problem})")
    elif campaign.status is CampaignStatus.PAUSED:
        yield Cause("campaign_paused", "its campaign is paused")
    elif campaign.status in (CampaignStatus.DRAFT, CampaignStatus.PREPARING, *CAMPAIGN_ENDS):
        yield Cause(f"campaign_{campaign.status}", f"its campaign is {campaign.status}")
    if outlook is not None and outlook.down is not None:
        yield Cause("carrier_down", f"its carrier does not answer ({outlook.down})")


def _delays(message: MessageView, outlook: Outlook | None, now: Instant) -> Iterator[Cause]:
    """What holds a message until a known instant."""
    if message.due_at > now:
        yield Cause("not_due", f"it is due at {iso(message.due_at)}")
    if outlook is not None and outlook.limited_by is not None:
        yield Cause("rate_limited", f"a rate lets others leave first ({outlook.limited_by})")
