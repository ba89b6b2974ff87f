"""What the pages of a draft set besides its text and its people, and its members of the API."""

from collections.abc import Mapping
from typing import Any

from campaign.instants import iso
from campaign.legal_hours import ALL_DAYS
from campaign.phone import SenderKind, sender_kind
from campaign.sending_windows import (
    RECIPIENT_ZONE,
    Purpose,
    Window,
    make_window,
    window_json,
)
from campaign.web_addresses import ascii_address
from console.times import Unreadable, read_local_time
from store.campaigns.drafts import SavedDraft

MEDIA_LENGTH_MAX = 2_000
ALL, WORKDAYS, NO_SUNDAYS = "all", "workdays", "no-sundays"
DAYS: Mapping[str, list[str] | None] = {
    ALL: None,
    WORKDAYS: ["mon", "tue", "wed", "thu", "fri"],
    NO_SUNDAYS: ["mon", "tue", "wed", "thu", "fri", "sat"],
}
DAY_NAMES = {ALL: "every day", WORKDAYS: "Monday to Friday", NO_SUNDAYS: "Monday to Saturday"}
BAD_HOURS = "Give both hours, the later one second, such as 09:00 and 20:00."
BAD_MEDIA = "The address of the picture must begin with https. Copy it from your browser."
MEDIA_FROM_NAME = "A name cannot send a picture. Choose a number under From."
# The fields of a form that are kept as they are written.
_WRITTEN = ("since", "until", "expires", "zone")


def read_choices(fields: Mapping[str, str]) -> dict[str, Any]:
    """The choices in the form of the first step, as they are written."""
    purpose, days = fields.get("purpose", ""), fields.get("days", "")
    return {
        "shorten": "shorten" in fields,
        "smart": "smart" in fields,
        "media": fields.get("media", "").strip()[:MEDIA_LENGTH_MAX],
        "purpose": purpose if purpose in set(Purpose) else "",
        "days": days if days in DAYS else ALL,
        "own_clock": fields.get("clock") == "own",
        **{name: fields.get(name, "").strip()[:64] for name in _WRITTEN},
    }


def members_of(draft: SavedDraft) -> dict[str, Any]:
    """The members of the campaign that a draft's pages have set, as the native API has them.

    Raises Unreadable if one of them cannot be.
    """
    choices = draft.choices
    media = choices.get("media")
    if media and ascii_address(media) is None:
        raise Unreadable(BAD_MEDIA)
    if media and draft.sender and sender_kind(draft.sender) is SenderKind.ALPHANUMERIC:
        raise Unreadable(MEDIA_FROM_NAME)
    window = window_of(choices)
    members = {
        "name": " ".join(draft.name.split()) or None,
        "text": draft.text,
        "sender": draft.sender or None,
        "mediaUrl": media or None,
        "shortenUrls": bool(choices.get("shorten")),
        "smartEncoding": bool(choices.get("smart")),
        "purpose": choices.get("purpose") or None,
        "window": window and window_json(window),
        "expiresAt": _expiry(choices),
    }
    return {name: value for name, value in members.items() if value is not None}


def window_of(choices: Mapping[str, Any]) -> Window | None:
    """The window that choices give, None where both hours are empty; raises Unreadable."""
    since, until = choices.get("since", ""), choices.get("until", "")
    if not since and not until:
        return None
    zone = (choices.get("zone") or "UTC") if choices.get("own_clock") else RECIPIENT_ZONE
    window, _, _ = make_window(since, until, DAYS[choices.get("days", ALL)], zone)
    if window is None:
        raise Unreadable(BAD_HOURS)
    return window


def days_name(days: list[str]) -> str | None:
    """What a form calls some days; None if it has no name for them."""
    named = (name for name, given in DAYS.items() if sorted(given or ALL_DAYS) == sorted(days))
    return next((DAY_NAMES[name] for name in named), None)


def _expiry(choices: Mapping[str, Any]) -> str | None:
    written = choices.get("expires", "")
    return iso(read_local_time(written, choices.get("zone", ""))) if written else None
