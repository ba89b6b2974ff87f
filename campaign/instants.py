"""Instants: whole milliseconds since the Unix epoch, UTC.

One integer type for every moment keeps both databases, the JSON and the histories free of
time zones; people see ISO 8601 only at the edges.
"""

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


def instant_of(moment: datetime) -> Instant:
    """Turn a datetime into an instant; a naive one is read as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


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
