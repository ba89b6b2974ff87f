"""How many messages an account may send on one day."""

import pytest

from campaign.refusals import RefusalCode
from campaign.rules.quota import check
from tests.campaign.making import evidence, result


def test_an_account_without_a_quota_may_send_any_number() -> None:
    assert list(check(evidence(to_send=50_000, quota=None, used_today=10**9))) == []


@pytest.mark.parametrize(("used", "to_send"), [(0, 1), (0, 100), (99, 1), (100, 0)])
def test_a_quota_may_be_used_up_to_the_last(used: int, to_send: int) -> None:
    assert list(check(evidence(to_send=to_send, quota=100, used_today=used))) == []


@pytest.mark.parametrize(("used", "to_send"), [(0, 101), (100, 1), (99, 2), (500, 1)])
def test_one_more_than_the_quota_is_refused(used: int, to_send: int) -> None:
    found = evidence(to_send=to_send, quota=100, used_today=used)
    assert result(check(found)) == [(RefusalCode.QUOTA_REACHED, "")]


def test_a_quota_of_none_at_all_lets_nothing_out() -> None:
    assert len(list(check(evidence(to_send=1, quota=0)))) == 1
