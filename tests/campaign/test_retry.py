"""When a message that a carrier put off comes again, and which that failed may."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.instants import DAY, SECOND, Instant
from campaign.retry import RETRY_AFTER_MAX, may_pass, next_try_at
from carriers.classify import PUT_OFF
from tests.test_layout import ROOT

NOW: Instant = 20_000 * DAY
BACKOFF = (5.0, 30.0, 120.0)


@pytest.mark.parametrize(("attempt", "wait"), [(1, 5), (2, 30), (3, 120)])
def test_each_attempt_has_its_own_wait(attempt: int, wait: int) -> None:
    assert next_try_at(NOW, attempt, BACKOFF, None) == NOW + wait * SECOND


def test_there_are_as_many_retries_as_waits() -> None:
    assert next_try_at(NOW, 4, BACKOFF, None) is None
    assert next_try_at(NOW, 1, (), None) is None


def test_no_wish_of_a_carrier_makes_a_retry_after_the_last() -> None:
    assert next_try_at(NOW, 4, BACKOFF, 60.0) is None


def test_a_carrier_may_ask_for_a_longer_wait_but_not_for_a_shorter_one() -> None:
    assert next_try_at(NOW, 1, BACKOFF, 12.5) == NOW + 12_500
    assert next_try_at(NOW, 1, BACKOFF, 1.0) == NOW + 5 * SECOND


@pytest.mark.parametrize("mad", [3_601.0, 1e12, math.inf])
def test_a_mad_wish_is_held_to_one_hour(mad: float) -> None:
    assert next_try_at(NOW, 1, BACKOFF, mad) == NOW + RETRY_AFTER_MAX


@pytest.mark.parametrize("nonsense", [math.nan, -math.inf, -5.0, 0.0])
def test_a_wish_that_means_nothing_changes_nothing(nonsense: float) -> None:
    assert next_try_at(NOW, 1, BACKOFF, nonsense) == NOW + 5 * SECOND


@given(st.integers(1, 3), st.none() | st.floats())
def test_a_retry_is_never_sooner_than_its_wait_nor_later_than_the_longest(
    attempt: int, lease_request: float | None
) -> None:
    due_at = next_try_at(NOW, attempt, BACKOFF, lease_request)
    assert due_at is not None
    own = round(BACKOFF[attempt - 1] * SECOND)
    assert own <= due_at - NOW <= max(own, RETRY_AFTER_MAX)


@pytest.mark.parametrize(
    "code", ["rate_limited", "carrier_configuration", "timeout", "http_408", "http_500", "http_301"]
)
def test_what_a_carrier_says_of_itself_may_pass(code: str) -> None:
    assert may_pass(code)


@pytest.mark.parametrize(
    "code",
    [None, "", "invalid_number", "blocked", "opted_out", "http_400", "http_422", "http_5000"]
    + ["operator_says_failed", "recipient_invalid"],
)
def test_a_no_for_good_does_not_pass_nor_does_what_nobody_knows(code: str | None) -> None:
    assert not may_pass(code)


def test_every_code_by_which_a_carrier_puts_off_is_known_to_pass() -> None:
    found = set(PUT_OFF.values())
    for file in (ROOT / "carriers").glob("*.py"):
        found |= set(re.findall(r'(?:Temporary|Doubtful)\w+\("(\w+)"', file.read_text("utf-8")))
    # Said of a question alone, which ends no message.
    assert {code for code in found if not may_pass(code)} == {"not_supported", "too_many_pages"}
