"""The part of the last step that lets a few go first."""

from collections.abc import Mapping

from campaign.canary import WAIT_SECONDS, WAIT_SECONDS_MAX, Canary, Measure, size_fault
from console.times import Unreadable, read_number

MINUTE = 60
MOST_PERCENT = 10.0
DEFAULTS = {"wait": f"{WAIT_SECONDS // MINUTE}", "most": f"{MOST_PERCENT:g}"}
BAD_FIRST = "Give how many go first as a number of people such as 50, or a share such as 5%."
BAD_WAIT = "Give the minutes to wait as a number from 1 to 1,440."
BAD_MOST = "Give the percentage that may fail as a number from 0 to 99."


def read_canary(fields: Mapping[str, str]) -> Canary | None:
    """Who goes first and how long the others wait; None for all at once; raises Unreadable."""
    written = fields.get("first", "").strip().replace(" ", "")
    if not written:
        return None
    size = int(written) if written.isascii() and written.isdecimal() else written
    if size_fault(size):
        raise Unreadable(BAD_FIRST)
    minutes = read_number(fields.get("wait", ""), WAIT_SECONDS_MAX / MINUTE, BAD_WAIT)
    percent = read_number(fields.get("most", ""), 99, BAD_MOST)
    seconds = WAIT_SECONDS if minutes is None else round(MINUTE * minutes)
    if seconds < MINUTE:
        raise Unreadable(BAD_WAIT)
    share = (MOST_PERCENT if percent is None else percent) / 100
    return Canary(size, seconds, {Measure.FAILURES: share})
