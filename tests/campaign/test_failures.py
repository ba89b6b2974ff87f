"""Failures of a handoff carry a code, and nothing of the message."""

import pytest

from campaign.failures import (
    CarrierFailure,
    DoubtfulHandoff,
    PermanentFailure,
    StoreUnavailable,
    TemporaryFailure,
)


@pytest.mark.parametrize("kind", [PermanentFailure, TemporaryFailure, DoubtfulHandoff])
def test_every_failure_of_a_carrier_says_its_code(kind: type[CarrierFailure]) -> None:
    failure = kind("timeout")
    assert isinstance(failure, CarrierFailure)
    assert (failure.code, str(failure)) == ("timeout", "timeout")


def test_only_a_temporary_failure_knows_when_to_come_again() -> None:
    assert TemporaryFailure("rate_limited", 2.5).retry_after == 2.5
    assert TemporaryFailure("unavailable").retry_after is None


def test_a_store_that_does_not_answer_is_no_failure_of_a_carrier() -> None:
    assert not issubclass(StoreUnavailable, CarrierFailure)
