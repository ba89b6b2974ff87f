"""Spread: long enough for the rates of senders and carriers."""

from collections.abc import Iterator

from campaign.forecast import short_spread
from campaign.model import Evidence
from campaign.refusals import Refusal, RefusalCode


def check(evidence: Evidence) -> Iterator[Refusal]:
    """Refuse a spread in which the messages that it places cannot leave."""
    fault = short_spread(evidence.spread_hours, evidence.spread_segments, evidence.limits)
    if fault is not None:
        text, details = fault
        yield Refusal(RefusalCode.SPREAD_INVALID, text, "spreadHours", details)
