"""Spread: a finite number of hours, from none to the longest window."""

from collections.abc import Iterator

from campaign.model import ComposedCampaign
from campaign.refusals import Refusal, RefusalCode
from campaign.schedule import spread_fault


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse a spread that is negative, infinite, no number, or over the longest."""
    fault = spread_fault(composed.draft.spread_hours)
    if fault:
        yield Refusal(RefusalCode.SPREAD_INVALID, fault, "spreadHours")
