"""Refusals carry every fault, in canonical words."""

import re

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


def test_a_refusal_without_a_place_means_the_whole_request() -> None:
    assert Refusal(RefusalCode.QUOTA_REACHED, "enough for today").place == ""


def test_two_refusals_share_no_details() -> None:
    one, other = (Refusal(RefusalCode.MALFORMED, "what?") for _ in range(2))
    one.details["count"] = 3
    assert other.details == {}


@pytest.mark.parametrize("code", RefusalCode)
def test_a_code_is_words_in_snake_case_that_problem_types_can_be_made_of(code: RefusalCode) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code.value)
