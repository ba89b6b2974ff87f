"""How long a campaign may be spread over."""

import math

import pytest

from campaign.model import Policy
from campaign.refusals import RefusalCode
from campaign.rules.spread import check
from tests.campaign.making import draft, result, unchecked


@pytest.mark.parametrize("hours", [0.0, 0.001, 6.0, 335.999, 336.0])
def test_up_to_14_days_are_taken(hours: float) -> None:
    assert list(check(unchecked(draft(1, spread_hours=hours)))) == []


@pytest.mark.parametrize("hours", [-0.001, 336.001, 1e300, math.inf, -math.inf, math.nan])
def test_less_than_none_more_than_14_days_and_what_is_no_number_are_refused(hours: float) -> None:
    assert result(check(unchecked(draft(1, spread_hours=hours)))) == [
        (RefusalCode.SPREAD_INVALID, "spreadHours")
    ]


def test_an_installation_sets_another_limit() -> None:
    policy = Policy(spread_hours_max=24.0)
    assert list(check(unchecked(draft(1, spread_hours=24.0, policy=policy)))) == []
    (refusal,) = check(unchecked(draft(1, spread_hours=24.1, policy=policy)))
    assert refusal.message == "must be from 0 to 24 hours"
