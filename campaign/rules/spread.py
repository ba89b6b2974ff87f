"""Spread: a number of hours from 0 to the maximum."""

from collections.abc import Iterator

from campaign.model import ComposedCampaign
from campaign.refusals import Refusal, RefusalCode
from campaign.schedule import spread_fault


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse a spread that is negative, infinite, NaN, or above the maximum."""
    draft = composed.draft
    fault = spread_fault(draft.spread_hours, draft.policy.spread_hours_max)
    if fault:
        yield Refusal(RefusalCode.SPREAD_INVALID, fault, "spreadHours")
