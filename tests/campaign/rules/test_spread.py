"""How long a campaign may be spread over."""

import math

import pytest

from campaign.refusals import RefusalCode
from campaign.rules.spread import check
from tests.campaign.making import draft, result, unchecked


@pytest.mark.parametrize("hours", [0.0, 0.001, 6.0, 71.999, 72.0])
def test_up_to_72_hours_are_taken(hours: float) -> None:
    assert list(check(unchecked(draft(1, spread_hours=hours)))) == []


@pytest.mark.parametrize("hours", [-0.001, 72.001, 1e300, math.inf, -math.inf, math.nan])
def test_less_than_none_more_than_72_and_what_is_no_number_are_refused(hours: float) -> None:
    assert result(check(unchecked(draft(1, spread_hours=hours)))) == [
        (RefusalCode.SPREAD_INVALID, "spreadHours")
    ]
