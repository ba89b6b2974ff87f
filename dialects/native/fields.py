"""How native bodies are read: their members' spelling, their faults, and a change to a campaign."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from campaign.instants import Instant, instant_of
from campaign.model import SPREAD_HOURS_MAX
from campaign.rates import RATE_MAX
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from service.changes import Change


class RequestModel(BaseModel):
    """Members in camelCase, of exactly their type, and no others."""

    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=to_camel, validate_by_alias=True
    )


class ChangeBody(RequestModel):
    """What may change: start and spread while a campaign waits, its speed until it ends."""

    schedule_date_time: str | None = Field(
        default=None, description="ISO 8601; no zone means UTC; the past means now"
    )
    # Too many hours have a code of their own, so the bounds are for the document alone.
    spread_hours: float | None = Field(
        default=None,
        description="hours from the start, over which messages without a time of their own leave",
        json_schema_extra={"minimum": 0, "maximum": SPREAD_HOURS_MAX},
    )
    rate: float | None = Field(
        default=None,
        gt=0,
        le=RATE_MAX,
        description="segments per second at most; null for as fast as can be",
    )


def read_change(body: Any) -> Change:
    """The change that a body asks for; raises Refused with everything that is wrong."""
    try:
        parsed = ChangeBody.model_validate(body)
    except ValidationError as error:
        raise Refused(*faults_of(error)) from None
    faults: list[Refusal] = []
    has_rate = "rate" in parsed.model_fields_set
    if parsed.schedule_date_time is None and parsed.spread_hours is None and not has_rate:
        what = "give a scheduleDateTime, spreadHours, a rate, or several of them"
        faults.append(Refusal(RefusalCode.FIELD_MISSING, what, "scheduleDateTime"))
    start = read_instant(parsed.schedule_date_time, "", faults)
    if faults:
        raise Refused(*faults)
    return Change(start, parsed.spread_hours, has_rate, parsed.rate)


def read_instant(value: str | None, place: str, faults: list[Refusal]) -> Instant | None:
    """Read a time, adding to ``faults`` what is none."""
    if value is None:
        return None
    try:
        return instant_of(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        faults.append(
            Refusal(RefusalCode.SCHEDULE_INVALID, "not ISO 8601", f"{place}scheduleDateTime")
        )
        return None


_CODES = {
    "missing": RefusalCode.FIELD_MISSING,
    "too_short": RefusalCode.TOO_FEW_RECIPIENTS,
    "too_long": RefusalCode.TOO_MANY_RECIPIENTS,
}


def faults_of(error: ValidationError) -> list[Refusal]:
    """What is wrong with a body, member by member, repeating nothing of it."""
    refusals = []
    # Neither the input nor the error's context is repeated: both may hold numbers and texts.
    for fault in error.errors(include_input=False, include_context=False, include_url=False):
        place = ""
        for part in fault["loc"]:
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
        message = fault["msg"]
        if fault["type"] == "extra_forbidden":
            message = "there is no such member (or it is not supported yet)"
        code = _CODES.get(fault["type"], RefusalCode.FIELD_INVALID)
        refusals.append(Refusal(code, message, place))
        if len(refusals) == SHOWN_MAX:
            break
    return refusals
