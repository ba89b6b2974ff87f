"""What the pages of one campaign say: its changes, and who did what."""

import json
from collections.abc import Mapping

from campaign.activity import ActivityView
from campaign.credits import CreditKind, Price
from campaign.instants import Instant, read_instant
from campaign.ports import Tally
from campaign.refusals import Refusal, RefusalCode
from campaign.sending_windows import RECIPIENT_ZONE, Outside
from campaign.views import CampaignView
from console import account_words, draft_members, words

NOTHING_CHANGED = "Nothing is changed yet. Choose something else than it has."
BAD_RATE = "Give the messages a minute as a number, such as 60."
CHANGED_MEANWHILE = (
    "Somebody has changed this campaign meanwhile, and nothing of yours was done. Look at how it "
    "stands now, and change it again if you still want to."
)
NO_TEXT_OF_ITS_OWN = (
    "Each person of this campaign gets a text of their own, or its text was not kept, so there is "
    "none to change. Cancel what is left, and send it anew with another text."
)
NO_ROOM = (
    "Within a year there is no time at which some of its messages may leave. Choose other hours."
)
TOO_LATE = (
    "Some of its messages would leave too late: after the last time, after which nothing leaves. "
    "Choose an earlier start, or a later last time."
)


def rate(per_second: float | None) -> str:
    """A rate in segments per second as people set it: "at most 60 messages a minute"."""
    return "no limit" if per_second is None else f"at most {per_minute(per_second)} a minute"


def per_minute(per_second: float | None) -> str:
    """A rate in segments per second as messages a minute; empty for no limit."""
    return "" if per_second is None else f"{60 * per_second:.6g}"


def rate_reason(view: CampaignView) -> str:
    """Why it sends no faster, in a sentence; empty where neither a rate nor a spread was set."""
    if view.facts.rate is not None:
        return f"It keeps to {per_minute(view.facts.rate)} a minute, the rate that was set for it."
    if not view.spread_hours:
        return ""
    an_hour = view.total / view.spread_hours
    count, what = (an_hour / 60, "a minute") if an_hour >= 60 else (an_hour, "an hour")
    shown = f"{max(1, round(count)):,} {what}"
    return f"It keeps to about {shown} because of the spread that was chosen."


def hours(count: float) -> str:
    """A spread: "over 3 hours"."""
    if not count:
        return "as fast as the network takes them"
    return f"over {count:g} {'hour' if count == 1 else 'hours'}"


def window(stored: str | None) -> str:
    """The hours of a campaign: "only between 09:00 and 20:00 where each person lives"."""
    if stored is None:
        return "at any hour that the law allows"
    members = json.loads(stored)
    zone = members["timezone"]
    place = "where each person lives" if zone == RECIPIENT_ZONE else f"by the clock of {zone}"
    days = draft_members.days_name(members["days"]) or ", ".join(
        account_words.DAYS[one] for one in members["days"]
    )
    return f"only between {members['from']} and {members['to']} {place}, {days}"


def outside(view: CampaignView) -> str:
    """What happens to messages that are due outside of a campaign's hours: "defer" or "skip"."""
    return str(json.loads(view.sending_window or "{}").get("outside", Outside.DEFER))


def difference(price: Price) -> str:
    """What another text costs more, or less."""
    more = sum(max(0, price.of(kind)) for kind in CreditKind)
    less = sum(max(0, -price.of(kind)) for kind in CreditKind)
    parts = [f"{more:,} {_credits(more)} more"] * bool(more)
    parts += [f"{less:,} {_credits(less)} less"] * bool(less)
    return f"It costs {' and '.join(parts)}." if parts else "It costs the same."


def change_fault(fault: Refusal) -> str:
    """Why a change cannot be made, as a sentence."""
    if "no room within" in fault.message:
        return NO_ROOM
    if "expiresAt" in fault.message:
        return TOO_LATE
    if fault.code is RefusalCode.SCHEDULE_INVALID:
        return f"The new start would be {fault.message}. Choose another time."
    if fault.code is RefusalCode.SPREAD_INVALID:
        return f"The plan does not fit: it {fault.message}. Give it more hours or a higher rate."
    return words.refusal(fault)


def details(one: ActivityView) -> str:
    """What an action gave a campaign, its start left out: "over 3 hours"; mostly empty."""
    after: Mapping[str, object] = one.after or {}
    parts = []
    if isinstance(count := after.get("messages"), int):
        parts.append(f"{count:,} {'message' if count == 1 else 'messages'}")
    if isinstance(spread := after.get("spreadHours"), int | float):
        parts.append(hours(spread))
    if isinstance(length := after.get("textLength"), int):
        parts.append(f"another text, of {length:,} characters")
    if "expiresAt" in after and after["expiresAt"] is None:
        parts.append("without a last time")
    if "window" in after:
        given = after["window"]
        parts.append(window(None if given is None else json.dumps(given)))
    if "rate" in after and isinstance(limit := after["rate"], int | float | None):
        parts.append(rate(limit))
    return ", ".join(parts)


def new_start(one: ActivityView) -> Instant | None:
    """The start that a change gave a campaign; None if it kept it."""
    return _instant(one, "scheduleDateTime")


def new_end(one: ActivityView) -> Instant | None:
    """The expiry that a change gave a campaign; None if it kept it, or has none now."""
    return _instant(one, "expiresAt")


def _instant(one: ActivityView, member: str) -> Instant | None:
    written = (one.after or {}).get(member)
    return read_instant(written) if isinstance(written, str) else None


def _credits(count: int) -> str:
    return "credit" if count == 1 else "credits"


def gone(tally: Tally) -> int:
    """How many messages have left."""
    return tally.sent + tally.delivered + tally.undelivered


def gone_in_tenths(view: CampaignView) -> int:
    """How many have left, rounded down to a tenth of all: a screen reader says each step once."""
    out = gone(view.tally)
    return out if out >= view.total else out - out % max(1, view.total // 10)
