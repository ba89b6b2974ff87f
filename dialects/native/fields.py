"""Models of native bodies, and how their faults are reported."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from campaign.instants import Instant
from campaign.instants import read_instant as read_time
from campaign.rates import RATE_MAX, RATE_MIN
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode

Rate = Annotated[
    float,
    Field(ge=RATE_MIN, le=RATE_MAX, description="segments per second at most; null for no limit"),
]


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
