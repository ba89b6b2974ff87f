"""How many recipients one request may have."""

import pytest

from campaign.model import RECIPIENTS_MAX, Policy
from campaign.refusals import RefusalCode
from campaign.rules.size import check
from tests.campaign.making import draft, result, unchecked

TEN_TO_TWENTY = Policy(recipients_min=10, recipients_max=20)


@pytest.mark.parametrize("count", [10, 11, 20])
def test_as_many_recipients_as_the_policy_takes_are_fine(count: int) -> None:
    assert list(check(unchecked(draft(count, policy=TEN_TO_TWENTY)))) == []


@pytest.mark.parametrize("count", [0, 1, 9])
def test_fewer_than_the_least_are_too_few(count: int) -> None:
    (refusal,) = check(unchecked(draft(count, policy=TEN_TO_TWENTY)))
    assert (refusal.code, refusal.place) == (RefusalCode.TOO_FEW_RECIPIENTS, "recipients")
    assert refusal.details == {"count": count, "min": 10, "max": 20}


@pytest.mark.parametrize("count", [21, 500])
def test_more_than_the_most_are_too_many(count: int) -> None:
    (refusal,) = check(unchecked(draft(count, policy=TEN_TO_TWENTY)))
    assert (refusal.code, refusal.place) == (RefusalCode.TOO_MANY_RECIPIENTS, "recipients")


def test_without_limits_of_a_dialect_one_to_fifty_thousand_are_taken() -> None:
    assert result(check(unchecked(draft(0)))) == [(RefusalCode.TOO_FEW_RECIPIENTS, "recipients")]
    assert list(check(unchecked(draft(RECIPIENTS_MAX)))) == []
    assert len(list(check(unchecked(draft(RECIPIENTS_MAX + 1))))) == 1
