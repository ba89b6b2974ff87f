"""When a campaign may send to whom: its window, its purpose, and the legal hours of countries.

A marketing text leaves only within the legal hours at the called party's place, and within the
campaign's window if it has one. A transactional one leaves at any time unless the campaign has a
window. A place that is not known is narrowed to the hours that are open in every zone that the
number may be in; if there is no such zone, nothing is sent.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from campaign.instants import DAY, Instant
from campaign.legal_hours import ALL_DAYS, BY_COUNTRY, DEFAULT, Span
from campaign.open_hours import DAY_MINUTES, Hours, OpenHours, Place, open_hours
from campaign.time_zones import is_time_zone, possible_zones

# The reason of a message that is skipped because no instant is left at which it may leave.
OUTSIDE_WINDOW = "outside_window"
EXPIRED = "expired"
# For longer no network keeps a message.
VALIDITY_SECONDS_MAX = 7 * 24 * 3600
RECIPIENT_ZONE = "recipient"
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_MEMBERS = {"from", "to", "days", "timezone", "outside"}
# No plan is longer: what has waited for so long is of no use.
PLAN_MAX: Instant = 366 * DAY
_NOWHERE: Place = (Hours((), frozenset()), "UTC")


class Purpose(StrEnum):
    """What a campaign is for; only marketing is bound to legal hours."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


class Outside(StrEnum):
    """What happens to a message that is due outside of the window."""

    DEFER = "defer"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Window:
    """The hours in which a campaign sends; without a ``time_zone``, the recipient's count."""

    hours: Hours
    time_zone: str | None = None
    outside: Outside = Outside.DEFER


@dataclass(frozen=True, slots=True)
class SendingHours:
    """The hours that one campaign keeps to."""

    window: Window | None
    is_marketing: bool

    @property
    def skips(self) -> bool:
        """Whether a message that is due outside of the hours is skipped."""
        return self.window is not None and self.window.outside is Outside.SKIP

    def for_recipient(self, number: str, country: str | None, time_zone: str | None) -> OpenHours:
        """The open hours for a number in E.164; ``time_zone`` is the recipient's, if given.

        ``country`` is the number's, in ISO 3166.
        """
        if not self.is_local:
            zones: tuple[str, ...] = ()
        else:
            zones = possible_zones(number) if time_zone is None else (time_zone,)
        return _open_hours(self, country if self.is_marketing else None, zones)

    @property
    def is_local(self) -> bool:
        """Whether the recipient's time counts."""
        return self.is_marketing or (self.window is not None and self.window.time_zone is None)


class ExpiryStore(Protocol):
    """What the end of a campaign asks about its expiry."""

    def has_expired(self, campaign_id: str) -> bool:
        """Tell whether a message of the campaign was skipped because it came too late."""
        ...


def hours_of(purpose: str | None, window: Window | None) -> SendingHours | None:
    """The hours of a campaign by its purpose and window; None if it may send at any time."""
    is_marketing = purpose == Purpose.MARKETING
    return SendingHours(window, is_marketing) if window is not None or is_marketing else None


@lru_cache(maxsize=1_000)
def stored_hours(purpose: str | None, window: str | None) -> SendingHours | None:
    """The same of a campaign in the store, whose window is a text."""
    return hours_of(purpose, None if window is None else window_from_json(window))


def make_window(
    since: str,
    until: str,
    days: Sequence[str] | None = None,
    time_zone: str | None = None,
    outside: Outside = Outside.DEFER,
) -> tuple[Window | None, str, str]:
    """Make a window of its members as they are written.

    Returns it with two empty texts, or None with the member at fault (``from``, ``to``, ``days`` or
    ``timezone``) and what is wrong. A window over midnight is refused.
    """
    for member, clock in (("from", since), ("to", until)):
        if not _CLOCK.fullmatch(clock):
            return None, member, "must be a time of day such as 09:00"
    if _minutes(since) >= _minutes(until):
        return None, "to", "must be later in the day than from"
    named = ALL_DAYS if days is None else days
    if not named or not set(named) <= set(ALL_DAYS):
        return None, "days", f"must be one or more of {', '.join(ALL_DAYS)}"
    if time_zone == RECIPIENT_ZONE:
        time_zone = None
    if time_zone is not None and not is_time_zone(time_zone):
        return None, "timezone", "must be recipient, or the IANA name of a time zone"
    return Window(_hours([(since, until)], named), time_zone, outside), "", ""


def window_json(window: Window) -> dict[str, object]:
    """A window as the native API shows it, and as it is stored."""
    ((since, until),) = window.hours.spans
    return {
        "from": _clock(since),
        "to": _clock(until),
        "days": [ALL_DAYS[day] for day in sorted(window.hours.days)],
        "timezone": window.time_zone or RECIPIENT_ZONE,
        "outside": window.outside.value,
    }


def stored_window(window: Window | None) -> str | None:
    """A window as the store keeps it."""
    return None if window is None else json.dumps(window_json(window))


def window_from_json(stored: str) -> Window:
    """Read what ``window_json`` made and the store keeps as text."""
    members = json.loads(stored)
    window, _, fault = make_window(
        members["from"],
        members["to"],
        members["days"],
        members["timezone"],
        Outside(members["outside"]),
    )
    if window is None:
        raise ValueError(f"a stored window {fault}")
    return window


def written_window(written: str) -> str:
    """A window that somebody wrote as JSON, as it is stored; raises ValueError with the fault.

    The members are those of a campaign's window; ``from`` and ``to`` are required.
    """
    try:
        members = json.loads(written)
    except ValueError:
        members = None
    if not isinstance(members, dict) or not members.keys() <= _MEMBERS:
        raise ValueError(f"must be a JSON object with members of {', '.join(sorted(_MEMBERS))}")
    since, until = members.get("from", ""), members.get("to", "")
    zone, outside = members.get("timezone", RECIPIENT_ZONE), members.get("outside", "defer")
    days = members.get("days", ALL_DAYS)
    strings = [since, until, zone, outside, *(days if isinstance(days, list | tuple) else [None])]
    if not all(isinstance(each, str) for each in strings) or outside not in set(Outside):
        raise ValueError("must have texts, a list of days, and outside as defer or skip")
    window, member, fault = make_window(since, until, days, zone, Outside(outside))
    if window is None:
        raise ValueError(f"{member} {fault}")
    return json.dumps(window_json(window))


def due_within(
    hours: SendingHours, open_at: OpenHours, start: Instant, due_at: Instant
) -> Instant | None:
    """When a message of a plan that begins at ``start`` is due, so that the hours are kept.

    Time counts only while the hours are open: what is due an hour after the start is due after an
    open hour, so that a plan goes on in the morning where it stopped and nothing comes in a burst.
    None if the message is skipped, or would be due later than ``PLAN_MAX`` after ``start``, which
    is not after ``due_at``.
    """
    if hours.skips:
        return due_at if open_at.next_open(due_at) == due_at else None
    return open_at.after(start, due_at - start, PLAN_MAX)


@lru_cache(maxsize=5_000)
def _open_hours(hours: SendingHours, country: str | None, zones: tuple[str, ...]) -> OpenHours:
    places: set[Place] = set()
    local = [_legal_hours(country)] if hours.is_marketing else []
    if hours.window is not None and hours.window.time_zone is not None:
        places.add((hours.window.hours, hours.window.time_zone))
    elif hours.window is not None:
        local.append(hours.window.hours)
    if local and not zones:
        places.add(_NOWHERE)
    return open_hours(frozenset(places | {(each, zone) for each in local for zone in zones}))


@lru_cache(maxsize=300)
def _legal_hours(country: str | None) -> Hours:
    spans, days = BY_COUNTRY.get(country or "", DEFAULT)
    return _hours(spans, days)


def _hours(spans: Sequence[Span], days: Sequence[str]) -> Hours:
    minutes = tuple((_minutes(since), _minutes(until)) for since, until in spans)
    return Hours(minutes, frozenset(ALL_DAYS.index(day) for day in days))


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _clock(minutes: int) -> str:
    return "24:00" if minutes == DAY_MINUTES else f"{minutes // 60:02}:{minutes % 60:02}"
