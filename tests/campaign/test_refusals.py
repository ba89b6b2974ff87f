"""Refusals carry every fault."""

import pytest

from campaign.refusals import Refusal, RefusalCode, Refused


def test_a_refusal_of_nothing_cannot_be_raised() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Refused()


def test_every_fault_is_carried_and_the_first_gives_its_code_to_the_exception() -> None:
    faults = (
        Refusal(RefusalCode.KEY_INVALID, "not a key", "idempotencyKey"),
        Refusal(RefusalCode.QUOTA_REACHED, "enough for today"),
    )
    refused = Refused(*faults)
    assert refused.refusals == faults
    assert str(refused) == "idempotency_key_invalid"
