"""The members of a native campaign that stop it when too much goes wrong."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from campaign.canary import (
    MEMBERS,
    SIZE_MAX,
    WAIT_SECONDS,
    WAIT_SECONDS_MAX,
    WINDOW_MAX,
    WINDOW_MIN,
    Brake,
    Canary,
    Maxima,
    Measure,
    size_fault,
)
from campaign.refusals import Refusal, RefusalCode
from campaign.sequential_test import outcomes_needed
from dialects.native.fields import RequestModel
from dialects.native.timing import TimingBody


def _checked_size(size: Any) -> Any:
    if fault := size_fault(size):
        raise PydanticCustomError("canary_size", "{fault}", {"fault": fault})
    return size


Size = Annotated[
    Any,
    AfterValidator(_checked_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": SIZE_MAX},
                {"type": "string", "pattern": "^[0-9]{1,3}([.][0-9]{1,2})?%$"},
            ]
        }
    ),
]
Rate = Annotated[float | None, Field(ge=0, lt=1)]


class RatesBody(RequestModel):
    """The highest rates, from 0 to below 1; at least one of them is given."""

    failure_rate_max: Rate = Field(
        None, description="of messages that the carrier refuses or reports as undelivered"
    )
    opt_out_rate_max: Rate = Field(None, description="of recipients who answer with an opt-out")
    unknown_rate_max: Rate = Field(None, description="of messages in state unknown")

    def maxima(self) -> Maxima:
        """The rates that are given, by what they are of."""
        given = {
            Measure.FAILURES: self.failure_rate_max,
            Measure.OPT_OUTS: self.opt_out_rate_max,
            Measure.UNKNOWN: self.unknown_rate_max,
        }
        return {measure: rate for measure, rate in given.items() if rate is not None}


class CanaryBody(RatesBody):
    """The first messages leave at once; the others wait for their outcomes, then go or pause."""

    size: Size = Field(description='a number of recipients, or a share of them such as "5%"')
    wait_seconds: int = Field(
        WAIT_SECONDS,
        ge=1,
        le=WAIT_SECONDS_MAX,
        description="how long to wait for receipts and opt-outs after the last of them has left",
    )


class BrakeBody(RatesBody):
    """Pauses the campaign while it runs, if too much goes wrong among the newest outcomes."""

    window: int = Field(
        ge=WINDOW_MIN, le=WINDOW_MAX, description="how many of the newest outcomes count"
    )


class GuardedBody(TimingBody):
    """A campaign that may stop by itself."""

    canary: CanaryBody | None = None
    brake: BrakeBody | None = None


def read_canary(body: CanaryBody | None, faults: list[Refusal]) -> Canary | None:
    """Read a canary; adds an entry to ``faults`` if it has no rate."""
    if body is None:
        return None
    _check_rates(body, "canary", faults)
    return Canary(body.size, body.wait_seconds, body.maxima())


def read_brake(body: BrakeBody | None, faults: list[Refusal]) -> Brake | None:
    """Read a brake; adds entries to ``faults`` if it has no rate, or too few outcomes to decide."""
    if body is None:
        return None
    _check_rates(body, "brake", faults)
    for measure, rate in body.maxima().items():
        needed = outcomes_needed(rate)
        if needed > body.window:
            what = f"must be at least {needed} to decide about {MEMBERS[measure]} {rate:g}"
            faults.append(Refusal(RefusalCode.FIELD_INVALID, what, "brake.window"))
    return Brake(body.window, body.maxima())


def _check_rates(body: RatesBody, place: str, faults: list[Refusal]) -> None:
    if not body.maxima():
        what = f"needs at least one of {', '.join(MEMBERS.values())}"
        faults.append(Refusal(RefusalCode.FIELD_MISSING, what, place))
