"""The answers about campaigns and their messages."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasPath, BeforeValidator, Field

from campaign.credits import MessageKind
from campaign.sending_windows import Purpose
from campaign.states import CampaignStatus, MessageStatus
from dialects.http.api_model import ApiModel, At, Next
from dialects.native.canary_models import BrakeBody, CanaryBody
from dialects.native.timing import WindowBody


class Counts(ApiModel):
    """The messages of a campaign by state; the ten after ``total`` sum to it."""

    total: int
    queued: int
    sending: int
    retryable: int
    sent: int
    delivered: int
    undelivered: int
    failed: int
    skipped: int
    cancelled: int
    unknown: int


class Clicks(ApiModel):
    """The clicks on the short links of a campaign."""

    total: int
    unique: int = Field(description="messages with at least one click")
    previews: int = Field(description="visits by programs, which are no clicks")


class Refusal(ApiModel):
    """One reason why a campaign is refused."""

    code: str
    message: str
    place: str = Field(description="path of the faulty member; empty for the whole request")
    details: dict[str, Any]


class ReasonCount(ApiModel):
    """How many messages are in a state for a reason."""

    status: MessageStatus
    reason: str
    count: int


def reasons_of(counts: Mapping[tuple[str, str], int]) -> list[ReasonCount]:
    """The counts by state and reason, in this order."""
    return [
        ReasonCount(status=MessageStatus(status), reason=reason, count=count)
        for (status, reason), count in sorted(counts.items())
    ]


Reasons = Annotated[
    list[ReasonCount],
    BeforeValidator(lambda value: reasons_of(value) if isinstance(value, Mapping) else value),
]


class CreditAmount(ApiModel):
    """Credits of each kind."""

    sms: int
    mms: int


class CountryTotal(ApiModel):
    """The messages to one country, and what they cost."""

    country: str | None = Field(description="ISO 3166 code; null where it is unknown")
    messages: int
    segments: int
    credits: CreditAmount


class AttemptTotal(ApiModel):
    """How many attempts through a carrier had an outcome."""

    carrier: str | None
    outcome: str | None = Field(description="the status that they led to; null while they run")
    code: str | None = Field(description="why")
    attempts: int


class CampaignCredits(ApiModel):
    """The credits of a campaign."""

    held: CreditAmount = Field(description="for messages that wait or are unknown")
    posted: CreditAmount = Field(description="spent")
    voided: CreditAmount = Field(description="returned")


class Cause(ApiModel):
    """One reason for the state of a message or campaign."""

    code: str = Field(description="stable; decide by this member")
    detail: str = Field(description="what it means, for people")


def _stored(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


class Preparation(ApiModel):
    """How far a large campaign is prepared: ``written`` of about ``expected`` messages."""

    written: int
    expected: int


class Campaign(ApiModel):
    """A campaign with its counts."""

    id: str
    name: str | None
    dialect: str = Field(description="the API that the campaign came by")
    sandbox: bool = Field(description="reaches no carrier and takes no credits")
    test: bool = Field(
        validation_alias="is_test", description="sends one text to the caller's own numbers"
    )
    status: CampaignStatus
    preparation: Preparation | None = Field(description="null unless its status is preparing")
    sender: str | None
    created_at: At
    schedule_date_time: At | None = Field(validation_alias="scheduled_at")
    spread_hours: float
    rate: float | None = Field(
        validation_alias=AliasPath("facts", "rate"),
        description="its own limit in segments per second",
    )
    purpose: Annotated[Purpose, BeforeValidator(lambda value: value or Purpose.TRANSACTIONAL)]
    window: Annotated[WindowBody | None, BeforeValidator(_stored)] = Field(
        validation_alias="sending_window", description="when its messages may leave"
    )
    canary: Annotated[CanaryBody | None, BeforeValidator(_stored)]
    canary_decision: Literal["go", "stop"] | None = Field(
        description="null without a canary, and until it is decided"
    )
    brake: Annotated[BrakeBody | None, BeforeValidator(_stored)]
    expires_at: At | None = Field(description="what has not left by then is skipped")
    validity_seconds: int | None = Field(description="how long carriers try to deliver a message")
    started_at: At | None
    finished_at: At | None
    planned_end: At | None = Field(
        validation_alias=AliasPath("facts", "planned_end"),
        description="when the last unsent message is expected to leave; null while it is paused",
    )
    paused_by: Literal["person", "system"] | None = Field(description="null unless it is paused")
    problem: str | None = Field(
        description="what keeps an open campaign from going on, such as workflow_lost"
    )
    pause_reason: Cause | None = Field(
        description="why its canary or brake has paused it; the code is that of problem"
    )
    ordered: str | None = Field(
        description="an order that is not carried out yet: pause, resume, cancel or retry"
    )
    idempotency_key: str | None = Field(validation_alias="key")
    refusals: list[Refusal]
    counts: Counts = Field(validation_alias="tally")
    reasons: Reasons = Field(validation_alias=AliasPath("facts", "reasons"))
    credits: CampaignCredits = Field(validation_alias="facts")
    replies: int = Field(description="inbound texts that answered its messages")
    clicks: Clicks
    messages_removed_at: At | None = Field(
        description="since when its messages are removed, as they are kept for a limited time; "
        "counts, clicks, credits and the report stay"
    )


class CampaignPage(ApiModel):
    """A page of campaigns, newest first."""

    campaigns: list[Campaign]
    next: Next


class NumberLookup(ApiModel):
    """What the numbering plan says of a number."""

    country: str | None = Field(description="ISO 3166 code")
    line_type: str | None
    network: str | None


class Message(ApiModel):
    """The current state of a message."""

    id: str
    position: int = Field(description="its place in the campaign, from 0")
    to: str
    text: str
    media_url: str | None
    sender: str
    kind: MessageKind
    segments: int
    status: MessageStatus
    reason: str | None = Field(description="why it was not sent or delivered")
    error: str | None = Field(description="the carrier's code")
    attempts: int
    due_at: At
    sent_at: At | None
    final_at: At | None
    idempotency_key: str | None
    duplicate_of: str | None = Field(description="the message that this one repeats")
    reference: str | None
    lookup: NumberLookup


class MessagePage(ApiModel):
    """A page of messages, by position."""

    messages: list[Message]
    next: Next
    messages_removed_at: At | None = Field(description="as of the campaign")


class Report(ApiModel):
    """The counts, reasons and credits of a campaign."""

    campaign_id: str
    status: CampaignStatus
    sandbox: bool
    counts: Counts
    reasons: Reasons
    segments_sent: int
    attempts: int
    credits: CampaignCredits
    countries: list[CountryTotal] = Field(
        description="what was sent and spent by country, most messages first"
    )
    attempt_totals: list[AttemptTotal] = Field(
        description="attempts by carrier and outcome, those before a retry included"
    )
    first_sent_at: At | None
    last_sent_at: At | None


class Click(ApiModel):
    """One visit through a short link."""

    id: str
    code: str
    message_id: str
    url: str
    at: At
    preview: bool = Field(description="by a program, so that it is no click")


class ClickPage(ApiModel):
    """A page of clicks, oldest first, and the counts of the whole campaign."""

    clicks: list[Click]
    next: Next
    total: int
    unique: int
    previews: int
