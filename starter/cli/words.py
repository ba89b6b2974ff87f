"""Instants and reasons as a person reads them."""

from datetime import datetime

from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant, moment_of

_UNITS = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"))
# What the codes of messages mean; any other one is shown as it is.
REASONS = {
    "opted_out": "the recipient opted out",
    "left_list": "the recipient left the mailing list",
    "duplicate_key": "another message has spent its idempotency key",
    "key_busy": "another message is using its idempotency key",
    "outside_window": "no hour of its campaign's window admitted it",
    "expired": "it expired",
    "campaign_cancelled": "its campaign was cancelled",
    "campaign_refused": "its campaign was refused",
    "invalid_number": "the carrier calls the number invalid",
    "blocked": "the carrier blocked it",
    "not_accepted": "the carrier denied to have it",
    "interrupted": "the worker died before an answer came",
    "no_connection": "the carrier could not be reached",
    "timeout": "the carrier did not answer in time",
    "unavailable": "the carrier was unavailable",
}


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


def reason_in_words(code: str) -> str:
    """What a reason code says; a code without words stays as it is."""
    return REASONS.get(code, code)


def campaigns_paused(count: int) -> str:
    """How many campaigns a brake holds."""
    return f"{count:,} campaign is paused" if count == 1 else f"{count:,} campaigns are paused"
