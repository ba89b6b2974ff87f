"""Instants: whole milliseconds since the Unix epoch, UTC.

One integer type for every moment keeps both databases, the JSON and the histories free of
time zones; people see ISO 8601 only at the edges.
"""

import re
from datetime import UTC, datetime

Instant = int

SECOND: Instant = 1_000
MINUTE: Instant = 60 * SECOND
HOUR: Instant = 60 * MINUTE
DAY: Instant = 24 * HOUR
# 2200-01-01T00:00:00Z. No row of the store holds a planned instant before 0 or after this one.
INSTANT_MAX: Instant = 7_258_118_400_000
# The first and the last instant that ISO 8601 writes with four digits of a year.
_ISO_MIN: Instant = -62_135_596_800_000
_ISO_MAX: Instant = 253_402_300_799_999


_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:[.,][0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)


def instant_of(moment: datetime) -> Instant:
    """Turn a datetime into an instant; a naive one is read as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def read_instant(written: str, *, whole_minutes: bool = False, whole_days: bool = False) -> Instant:
    """Read a date and time of RFC 3339; one without a zone is UTC.

    ``whole_minutes`` accepts one without seconds, ``whole_days`` a date alone, which is its
    midnight. Raises ValueError, whose text says what is wrong, for everything else.
    """
    found = _TIME.fullmatch(written)
    if found is None:
        raise ValueError("must be a date and time such as 2026-12-01T10:00:00Z")
    _, clock, seconds, _ = found.groups()
    if clock is None and not whole_days:
        raise ValueError("must have a time after the date, such as 2026-12-01T10:00:00Z")
    if clock is not None and seconds is None and not whole_minutes:
        raise ValueError("must have seconds, such as 2026-12-01T10:00:00Z")
    try:
        return instant_of(datetime.fromisoformat(written.upper()))
    except (ValueError, OverflowError):
        raise ValueError("must be a date and time that exist") from None


def moment_of(instant: Instant) -> datetime:
    """Turn an instant into an aware UTC datetime (exact to the millisecond)."""
    seconds, milliseconds = divmod(instant, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)


def iso(instant: Instant) -> str:
    """Write an instant as ISO 8601 in UTC with milliseconds and ``Z``.

    Never raises, so that one row cannot hide a list: an instant before year 1 or after year 9999
    is written as the nearest one that can be.
    """
    return (
        moment_of(min(max(instant, _ISO_MIN), _ISO_MAX))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def iso_or_none(instant: Instant | None) -> str | None:
    """As :func:`iso`, passing None through."""
    return None if instant is None else iso(instant)
