"""The native request to change a campaign."""

from typing import Any

from pydantic import Field, ValidationError

from campaign.limits_changes import LimitsChange
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.sending_windows import stored_window
from dialects.native.fields import Rate, RequestModel, faults_of, read_instant
from dialects.native.timing import WindowBody, read_expiry, read_window
from service.changes import Change


class ChangeBody(RequestModel):
    """A change: start and spread until the first wave, all else until the campaign ends."""

    schedule_date_time: str | None = Field(
        default=None, description="ISO 8601, UTC without a zone; a time in the past hour means now"
    )
    spread_hours: float | None = Field(
        default=None,
        description="hours from the start over which messages without their own time are spread",
        # Only for OpenAPI: a wrong number of hours has its own error code.
        json_schema_extra={"minimum": 0},
    )
    rate: Rate | None = None
    text: str | None = Field(
        default=None,
        description="the text of what has not left; alone, or with the rate. Texts of single "
        "recipients stay",
    )
    window: WindowBody | None = Field(
        default=None, description="the hours of what has not left; null for none"
    )
    expires_at: str | None = Field(
        default=None,
        description="ISO 8601, UTC without a zone; what has not left by then is skipped; null for "
        "never",
    )


def read_change(body: Any) -> Change:
    """Read the change that a body requests; raises Refused with every fault."""
    try:
        parsed = ChangeBody.model_validate(body)
    except ValidationError as error:
        raise Refused(*faults_of(error)) from None
    faults: list[Refusal] = []
    has_rate = "rate" in parsed.model_fields_set
    given = (parsed.schedule_date_time, parsed.spread_hours, parsed.text)
    has_window = "window" in parsed.model_fields_set
    has_expiry = "expires_at" in parsed.model_fields_set
    if all(each is None for each in given) and not (has_rate or has_window or has_expiry):
        what = "give scheduleDateTime, spreadHours, rate, text, window or expiresAt"
        faults.append(Refusal(RefusalCode.FIELD_MISSING, what, "scheduleDateTime"))
    start = read_instant(parsed.schedule_date_time, "", faults)
    window = read_window(parsed.window, faults)
    expires_at = read_expiry(parsed.expires_at, faults)
    if faults:
        raise Refused(*faults)
    limits = None
    if has_window or has_expiry:
        limits = LimitsChange(has_window, stored_window(window), has_expiry, expires_at)
    return Change(start, parsed.spread_hours, has_rate, parsed.rate, parsed.text, limits)
