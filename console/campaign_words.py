"""What the pages of one campaign say: its changes, and who did what."""

from collections.abc import Mapping

from campaign.activity import ActivityView
from campaign.instants import Instant, read_instant
from campaign.ports import Tally
from campaign.refusals import Refusal, RefusalCode
from campaign.views import CampaignView
from console import words

NOTHING_CHANGED = "Nothing is changed yet. Choose another time, spread or rate."
BAD_RATE = "Give the messages a minute as a number, such as 60."
CHANGED_MEANWHILE = (
    "Somebody has changed this campaign meanwhile, and nothing of yours was done. Look at how it "
    "stands now, and change it again if you still want to."
)


def rate(per_second: float | None) -> str:
    """A rate in segments per second as people set it: "at most 60 messages a minute"."""
    return "no limit" if per_second is None else f"at most {per_minute(per_second)} a minute"


def per_minute(per_second: float | None) -> str:
    """A rate in segments per second as messages a minute; empty for no limit."""
    return "" if per_second is None else f"{60 * per_second:.6g}"


def hours(count: float) -> str:
    """A spread: "over 3 hours"."""
    if not count:
        return "as fast as the network takes them"
    return f"over {count:g} {'hour' if count == 1 else 'hours'}"


def change_fault(fault: Refusal) -> str:
    """Why a change cannot be made, as a sentence."""
    if fault.code is RefusalCode.SCHEDULE_INVALID:
        if "expiresAt" in fault.message:
            return "The campaign would have expired by then. Choose an earlier time."
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
    if "rate" in after and isinstance(limit := after["rate"], int | float | None):
        parts.append(rate(limit))
    return ", ".join(parts)


def new_start(one: ActivityView) -> Instant | None:
    """The start that a change gave a campaign; None if it kept it."""
    start = (one.after or {}).get("scheduleDateTime")
    return read_instant(start) if isinstance(start, str) else None


def gone(tally: Tally) -> int:
    """How many messages have left."""
    return tally.sent + tally.delivered + tally.undelivered


def gone_in_tenths(view: CampaignView) -> int:
    """How many have left, rounded down to a tenth of all: a screen reader says each step once."""
    out = gone(view.tally)
    return out if out >= view.total else out - out % max(1, view.total // 10)
