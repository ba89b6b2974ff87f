"""The members of a native campaign that say when its messages may leave."""

from typing import Literal

from pydantic import Field

from campaign.instants import Instant, read_instant
from campaign.refusals import Refusal, RefusalCode
from campaign.sending_windows import (
    VALIDITY_SECONDS_MAX,
    Outside,
    Purpose,
    Window,
    make_window,
)
from campaign.time_zones import is_time_zone
from dialects.native.fields import RequestModel

# A shorter one ends before networks try.
VALIDITY_SECONDS_MIN = 60
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class WindowBody(RequestModel):
    """Hours of the day in which messages leave; the others wait for them, or are skipped."""

    since: str = Field(alias="from", description="the first time of day, such as 09:00")
    until: str = Field(alias="to", description="the time of day at which it closes; up to 24:00")
    days: list[Weekday] | None = Field(None, description="the days of the week; default: all")
    timezone: str = Field(
        "recipient",
        description="the IANA name of a time zone, or recipient: the recipient's timezone, else "
        "every zone that the number may be in",
    )
    outside: Outside = Field(
        Outside.DEFER, strict=False, description="for what is due outside: defer, or skip"
    )


class TimingBody(RequestModel):
    """When the messages of a campaign may leave, and until when they are of use."""

    purpose: Purpose | None = Field(
        None,
        strict=False,
        description="marketing leaves only in the legal hours of the recipient's country; default: "
        "the account's",
    )
    window: WindowBody | None = None
    expires_at: str | None = Field(
        None,
        description="ISO 8601, UTC without a zone; what has not left by then is skipped",
    )
    validity_seconds: int | None = Field(
        None,
        ge=VALIDITY_SECONDS_MIN,
        le=VALIDITY_SECONDS_MAX,
        description="how long carriers try to deliver a message, where they can be told",
    )


def read_window(body: WindowBody | None, faults: list[Refusal]) -> Window | None:
    """Read a window; None and an entry in ``faults`` if it is none."""
    if body is None:
        return None
    window, member, fault = make_window(
        body.since, body.until, body.days, body.timezone, body.outside
    )
    if window is None:
        faults.append(Refusal(RefusalCode.FIELD_INVALID, fault, f"window.{member}"))
    return window


def read_expiry(written: str | None, faults: list[Refusal]) -> Instant | None:
    """Read an expiry; None and an entry in ``faults`` if it is malformed."""
    if written is None:
        return None
    try:
        return read_instant(written, whole_minutes=True)
    except ValueError as error:
        faults.append(Refusal(RefusalCode.FIELD_INVALID, str(error), "expiresAt"))
        return None


def check_time_zone(name: str | None, place: str, faults: list[Refusal]) -> None:
    """Add a fault if a recipient's time zone does not exist."""
    if name is not None and not is_time_zone(name):
        what = "must be the IANA name of a time zone, such as Europe/Paris"
        faults.append(Refusal(RefusalCode.FIELD_INVALID, what, f"{place}.timezone"))
