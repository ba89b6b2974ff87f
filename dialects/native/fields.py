"""Models of native bodies, how their faults are reported, and the change of a campaign."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from campaign.instants import Instant
from campaign.instants import read_instant as read_time
from campaign.rates import RATE_MAX, RATE_MIN
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from service.changes import Change


class StrictModel(BaseModel):
    """An object with members in camelCase: exact types, and no unknown members."""

    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=to_camel, validate_by_alias=True
    )


class RequestModel(StrictModel):
    """A body in which a null counts as not given."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, body: Any) -> Any:
        if not isinstance(body, dict) or None not in body.values():
            return body
        # A member whose default is null accepts it, and may mean something else by it than absence.
        optional = (one for one in cls.model_fields.values() if not one.is_required())
        known = {one.alias for one in optional if one.default is not None}
        return {name: one for name, one in body.items() if one is not None or name not in known}


class ChangeBody(RequestModel):
    """A change: start and spread until the first wave, rate and text until the campaign ends."""

    schedule_date_time: str | None = Field(
        default=None, description="ISO 8601, UTC without a zone; a time in the past hour means now"
    )
    spread_hours: float | None = Field(
        default=None,
        description="hours from the start over which messages without their own time are spread",
        # Only for OpenAPI: a wrong number of hours has its own error code.
        json_schema_extra={"minimum": 0},
    )
    rate: float | None = Field(
        default=None,
        ge=RATE_MIN,
        le=RATE_MAX,
        description="segments per second at most; null for no limit",
    )
    text: str | None = Field(
        default=None,
        description="the text of what has not left; alone, or with the rate. Texts of single "
        "recipients stay",
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
    if all(each is None for each in given) and not has_rate:
        what = "give scheduleDateTime, spreadHours, rate or text"
        faults.append(Refusal(RefusalCode.FIELD_MISSING, what, "scheduleDateTime"))
    start = read_instant(parsed.schedule_date_time, "", faults)
    if faults:
        raise Refused(*faults)
    return Change(start, parsed.spread_hours, has_rate, parsed.rate, parsed.text)


def read_instant(value: str | None, place: str, faults: list[Refusal]) -> Instant | None:
    """Read a date and time; None and an entry in ``faults`` if it is malformed."""
    if value is None:
        return None
    try:
        return read_time(value, whole_minutes=True)
    except ValueError as error:
        faults.append(Refusal(RefusalCode.SCHEDULE_INVALID, str(error), f"{place}scheduleDateTime"))
        return None


# A place shows so much of the name of a member.
NAME_SHOWN_MAX = 100
_CODES = {
    "missing": RefusalCode.FIELD_MISSING,
    "too_short": RefusalCode.TOO_FEW_RECIPIENTS,
    "too_long": RefusalCode.TOO_MANY_RECIPIENTS,
}


def faults_of(error: ValidationError, within: str = "") -> list[Refusal]:
    """The faults of a body, or of its part ``within``: one per member, without its values."""
    refusals = []
    # Neither the input nor the context is included: both may hold numbers and texts.
    for fault in error.errors(include_input=False, include_context=False, include_url=False):
        place = within
        for part in fault["loc"]:
            if isinstance(part, str):
                part = part[:NAME_SHOWN_MAX]
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
        message = fault["msg"]
        if fault["type"] == "extra_forbidden":
            message = "there is no such member"
        code = _CODES.get(fault["type"], RefusalCode.FIELD_INVALID)
        refusals.append(Refusal(code, message, place))
        if len(refusals) == SHOWN_MAX:
            break
    return refusals
