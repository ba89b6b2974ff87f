"""Instants and counts as a person reads them."""

from datetime import datetime

from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant, moment_of

_UNITS = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"))


def relative(at: Instant, now: Instant) -> str:
    """An instant from now: "in 3 hours", "2 minutes ago", "now"."""
    away = abs(at - now)
    for size, unit in _UNITS:
        if away >= size:
            count = round(away / size)
            length = f"{count:,} {unit}{'' if count == 1 else 's'}"
            return f"in {length}" if at > now else f"{length} ago"
    return "now"


def utc(at: Instant) -> str:
    """An instant in UTC to the second."""
    return f"{moment_of(at):%Y-%m-%d %H:%M:%S} UTC"


def when(at: Instant, now: Instant) -> str:
    """An instant in UTC and in words."""
    return f"{utc(at)} ({relative(at, now)})"


def both_clocks(at: Instant) -> str:
    """An instant in UTC and on this machine's clock."""
    here: datetime = moment_of(at).astimezone()
    offset = f"{here:%z}"
    return f"{utc(at)}, here {here:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"


def campaigns_paused(count: int) -> str:
    """How many campaigns a brake holds."""
    return f"{count:,} campaign is paused" if count == 1 else f"{count:,} campaigns are paused"
