"""The shape of idempotency keys, and how long one stays spent."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.instants import DAY, HOUR
from campaign.keys import free_at, is_valid_key

ALLOWED = string.ascii_letters + string.digits + ":@-_)("


@given(st.text(st.sampled_from(ALLOWED), min_size=2, max_size=100))
def test_two_to_a_hundred_of_the_allowed_characters_are_a_key(key: str) -> None:
    assert is_valid_key(key)


@pytest.mark.parametrize("key", ["", "a", "a" * 101])
def test_a_key_that_is_too_short_or_too_long_is_none(key: str) -> None:
    assert not is_valid_key(key)


@given(
    st.text(st.sampled_from(ALLOWED), min_size=1, max_size=20),
    st.characters(exclude_characters=ALLOWED),
)
def test_one_other_character_spoils_a_key_wherever_it_stands(key: str, other: str) -> None:
    assert not is_valid_key(other + key)
    assert not is_valid_key(key + other + key)
    assert not is_valid_key(key + other)


@pytest.mark.parametrize("key", ["order.1", "order 1", "order-1\n", "заказ-1", "order/1", "é1"])
def test_a_dot_a_space_a_line_end_and_other_alphabets_are_not_allowed(key: str) -> None:
    assert not is_valid_key(key)


def test_a_spent_key_is_free_again_48_hours_after_the_send() -> None:
    assert free_at(20_000 * DAY) == 20_000 * DAY + 48 * HOUR
