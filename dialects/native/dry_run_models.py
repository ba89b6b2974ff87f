"""The answer to a dry run."""

from typing import Literal

from pydantic import Field

from dialects.http.api_model import ApiModel, At
from dialects.native.campaign_models import CountryTotal, CreditAmount, Refusal


class SkippedCount(ApiModel):
    """How many messages would not be sent for a reason."""

    reason: str
    count: int


class Encodings(ApiModel):
    """How many messages have each encoding."""

    gsm7: int
    ucs2: int


class Ucs2Character(ApiModel):
    """A character that makes a text UCS-2."""

    character: str
    code_point: str = Field(examples=["U+201C"])
    count: int
    replacement: str | None = Field(description="what smart encoding would send instead")


class RateLimit(ApiModel):
    """A rate that delays messages beyond their plan."""

    what: str
    segments_per_second: float


class TimelineEntry(ApiModel):
    """How many messages leave from this moment until the next one."""

    at: At
    messages: int


class Forecast(ApiModel):
    """When the messages would leave."""

    first_at: At
    last_at: At
    seconds: float
    limited_by: list[RateLimit] = Field(description="those that delay most messages first")
    timeline: list[TimelineEntry]


class Sample(ApiModel):
    """One message as it would be sent."""

    to: str
    text: str
    segments: int
    encoding: str


class DryRun(ApiModel):
    """What a campaign would send, cost and take, or why it is refused."""

    dry_run: Literal[True] = True
    admitted: bool
    refusals: list[Refusal]
    total: int
    to_send: int
    skipped: list[SkippedCount]
    segments: int
    encodings: Encodings
    ucs2_characters: list[Ucs2Character]
    smart_encoding_saves: int = Field(
        description="the segments that smartEncoding saves, or would save if it is off"
    )
    credits: CreditAmount
    available: CreditAmount
    countries: list[CountryTotal]
    forecast: Forecast | None = Field(description="null if nothing would be sent")
    samples: list[Sample]
