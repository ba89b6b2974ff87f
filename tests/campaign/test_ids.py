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
    RANDOM_BYTES,
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


@given(random_bytes, random_bytes)
def test_ids_sort_as_their_bytes(one: bytes, other: bytes) -> None:
    assert (make_id("", one) < make_id("", other)) == (one < other)


@given(st.lists(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES), max_size=5))
def test_ids_made_together_begin_with_their_time_and_ascend(randoms: list[bytes]) -> None:
    made = list(make_ids(MESSAGE_PREFIX, 1_764_000_000_000, b"".join(randoms)))
    assert made == sorted(made)
    read = [read_id(MESSAGE_PREFIX, id) or b"" for id in made]
    assert {int.from_bytes(id[:6], "big") for id in read} <= {1_764_000_000_000}
    assert [id[6:] for id in read] == sorted(randoms)
    assert all(id < next(make_ids(MESSAGE_PREFIX, 1_764_000_000_001, bytes(10))) for id in made)


def test_bytes_that_are_left_over_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="10 bytes each, not 24"):
        list(make_ids(MESSAGE_PREFIX, 0, bytes(24)))


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
