"""The shape of ids."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.ids import (
    CAMPAIGN_PREFIX,
    ID_BYTES,
    ID_LENGTH,
    MESSAGE_PREFIX,
    make_id,
    make_ids,
    read_id,
)

random_bytes = st.binary(min_size=ID_BYTES, max_size=ID_BYTES)
LETTERS = re.compile(r"[1-9A-HJ-NP-Za-km-z]{22}")


@given(random_bytes)
def test_an_id_is_its_prefix_and_22_letters_that_cannot_be_misread(random: bytes) -> None:
    made = make_id(CAMPAIGN_PREFIX, random)
    assert made.startswith("cmp_")
    assert LETTERS.fullmatch(made.removeprefix("cmp_"))


@given(random_bytes, random_bytes)
def test_different_bytes_make_different_ids(one: bytes, other: bytes) -> None:
    same = make_id(MESSAGE_PREFIX, one) == make_id(MESSAGE_PREFIX, other)
    assert same == (one == other)


def test_the_smallest_and_the_largest_bytes_have_ids_of_the_same_length() -> None:
    assert make_id("", bytes(ID_BYTES)) == "1" * ID_LENGTH
    assert len(make_id("", b"\xff" * ID_BYTES)) == ID_LENGTH


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_another_number_of_bytes_is_a_mistake(length: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        make_id("cmp_", bytes(length))


@given(st.lists(random_bytes, max_size=5))
def test_many_ids_are_made_as_each_of_them_is(randoms: list[bytes]) -> None:
    made = [make_id(MESSAGE_PREFIX, random) for random in randoms]
    assert list(make_ids(MESSAGE_PREFIX, b"".join(randoms))) == made


def test_bytes_that_are_left_over_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="16 bytes, not 8"):
        list(make_ids(MESSAGE_PREFIX, bytes(24)))


@given(random_bytes)
def test_an_id_can_be_read_back(random: bytes) -> None:
    assert read_id(MESSAGE_PREFIX, make_id(MESSAGE_PREFIX, random)) == random


@pytest.mark.parametrize(
    "written",
    [
        "",
        "msg_",
        "1" * 22,
        "msg_" + "1" * 21,
        "msg_" + "1" * 23,
        "msg_" + "0" * 22,
        "cmp_" + "1" * 22,
    ]
    + ["msg_" + "z" * 22, "msg_" + "1" * 21 + "é"],
)
def test_what_no_id_looks_like_is_not_read(written: str) -> None:
    assert read_id(MESSAGE_PREFIX, written) is None
