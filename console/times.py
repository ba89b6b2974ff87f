"""Times and numbers that people write in forms."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from campaign.instants import Instant, instant_of
from console import words

HOURS_MAX = 24.0 * 366


class Unreadable(Exception):
    """A field of a form cannot be read; the text says what to write."""


def read_number(written: str, largest: float, fault: str) -> float | None:
    """A number from 0 to ``largest``, None where nothing is written; raises Unreadable."""
    digits = written.strip().replace(",", ".")
    try:
        number = float(digits) if digits else None
    except ValueError:
        raise Unreadable(fault) from None
    # NaN is in no range.
    if number is not None and not 0 <= number <= largest:
        raise Unreadable(fault)
    return number


def read_hours(fields: Mapping[str, str]) -> float | None:
    """The hours of spread in a form, None where nothing is written; raises Unreadable."""
    return read_number(fields.get("hours", ""), HOURS_MAX, words.BAD_HOURS)


def read_local_time(written: str, zone: str) -> Instant:
    """The instant of a local time in a zone of the IANA list; raises Unreadable."""
    try:
        local = datetime.fromisoformat(written)
        there = local.replace(tzinfo=ZoneInfo(zone or "UTC"))
        moment = there.astimezone(UTC)
    except (ValueError, ZoneInfoNotFoundError, OSError, OverflowError):
        raise Unreadable(words.BAD_TIME) from None
    if moment.astimezone(there.tzinfo).replace(tzinfo=None) != local:
        raise Unreadable(words.NO_SUCH_TIME)  # The clock is put forward over it.
    return instant_of(moment)
