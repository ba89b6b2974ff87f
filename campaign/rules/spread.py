"""Spread: a finite number of hours, from none to the longest window."""

import math
from collections.abc import Iterator

from campaign.model import SPREAD_HOURS_MAX, Candidate
from campaign.refusals import Refusal, RefusalCode


def check(candidate: Candidate) -> Iterator[Refusal]:
    """Refuse a spread that is negative, infinite, no number, or over the longest."""
    hours = candidate.draft.spread_hours
    if not math.isfinite(hours) or not 0 <= hours <= SPREAD_HOURS_MAX:
        yield Refusal(
            RefusalCode.SPREAD_INVALID,
            f"must be from 0 to {SPREAD_HOURS_MAX:g} hours",
            "spreadHours",
        )
