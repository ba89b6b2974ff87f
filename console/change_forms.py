"""The forms that change a campaign: its plan, its text, or its limits; what they show and ask."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from campaign.limits_changes import LimitsChange
from campaign.rates import RATE_MAX, RATE_MIN
from campaign.sending_windows import Window, stored_window, window_from_json
from campaign.views import CampaignView
from console import campaign_words, words
from console.draft_members import BAD_HOURS, read_choices, window_of
from console.times import Unreadable, read_hours, read_local_time, read_number
from dialects.http.conditional import version_of
from service.changes import Change
from store.clock import wall_clock

PLAN, TEXT, LIMITS = "plan", "text", "limits"
SUBJECTS = {PLAN: "Time and rate", TEXT: "Text", LIMITS: "Hours and last time"}
KEEP, NOW, AT, NONE = "keep", "now", "at", "none"


@dataclass(frozen=True, slots=True)
class Changeable:
    """A campaign with the text that its messages are made of; None if there is none to change."""

    view: CampaignView
    text: str | None

    @property
    def version(self) -> str:
        """What a form must send back, so that it changes nothing that its page did not show."""
        view = self.view
        plan = (view.status, view.started_at, view.base_at, view.spread_hours, view.facts.rate)
        limits = (view.sending_window, view.expires_at)
        return version_of(repr((plan, limits, self.text)).encode())


def fields_of(shown: Changeable, subject: str) -> dict[str, str]:
    """The fields of a form as the campaign stands."""
    view = shown.view
    if subject == TEXT:
        return {"text": shown.text or ""}
    if subject == LIMITS:
        window = json.loads(view.sending_window) if view.sending_window else {}
        return {
            "window": KEEP,
            "since": window.get("from", ""),
            "until": window.get("to", ""),
            "days": KEEP if window else "",
            "clock": KEEP if window else "",
            "end": KEEP,
            "expires": "",
            "zone": "UTC",
        }
    return {
        "when": KEEP,
        "at": "",
        "zone": "UTC",
        "hours": f"{view.spread_hours:g}" if view.spread_hours else "",
        "rate": campaign_words.per_minute(view.facts.rate),
    }


def read_change(fields: Mapping[str, str], shown: Changeable, subject: str) -> Change:
    """The change that a form asks for: what differs from the campaign; raises Unreadable."""
    read = {TEXT: _text_change, LIMITS: _limits_change}.get(subject, _plan_change)
    change = read(fields, shown)
    if change == Change():
        raise Unreadable(campaign_words.NOTHING_CHANGED)
    return change


def _plan_change(fields: Mapping[str, str], shown: Changeable) -> Change:
    now_shown = fields_of(shown, PLAN)
    start = hours = rate = None
    if fields.get("when") == NOW:
        start = wall_clock()
    elif fields.get("when") == AT:
        start = read_local_time(fields.get("at", ""), fields.get("zone", ""))
    if fields.get("hours", now_shown["hours"]).strip() != now_shown["hours"]:
        hours = read_hours(fields) or 0.0
    has_rate = fields.get("rate", now_shown["rate"]).strip() != now_shown["rate"]
    if has_rate:
        per_minute = read_number(fields["rate"], 60 * RATE_MAX, campaign_words.BAD_RATE)
        if per_minute is not None and per_minute / 60 < RATE_MIN:
            raise Unreadable(campaign_words.BAD_RATE)
        rate = None if per_minute is None else per_minute / 60
    return Change(start, hours, has_rate, rate)


def _text_change(fields: Mapping[str, str], shown: Changeable) -> Change:
    text = fields.get("text", "").replace("\r\n", "\n")
    if not text.strip():
        raise Unreadable(words.NO_TEXT)
    return Change(text=None if text == shown.text else text)


def _limits_change(fields: Mapping[str, str], shown: Changeable) -> Change:
    view = shown.view
    window, expires_at = view.sending_window, view.expires_at
    if (wanted := fields.get("window", KEEP)) != KEEP:
        window = None if wanted == NONE else stored_window(_window(fields, window))
    if (end := fields.get("end", KEEP)) != KEEP:
        written = fields.get("expires", ""), fields.get("zone", "")
        expires_at = None if end == NONE else read_local_time(*written)
    has_window, has_expiry = window != view.sending_window, expires_at != view.expires_at
    if not has_window and not has_expiry:
        return Change()
    return Change(limits=LimitsChange(has_window, window, has_expiry, expires_at))


def _window(fields: Mapping[str, str], before: str | None) -> Window:
    """The hours in a form; what it keeps is that of the window before."""
    window = window_of(read_choices(fields))
    if window is None:
        raise Unreadable(BAD_HOURS)
    if before is None:
        return window
    kept = window_from_json(before)
    days = kept.hours.days if fields.get("days") == KEEP else window.hours.days
    zone = kept.time_zone if fields.get("clock") == KEEP else window.time_zone
    return Window(replace(window.hours, days=days), zone, kept.outside)
