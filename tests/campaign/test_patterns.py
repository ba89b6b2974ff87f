"""Long lists of phrases as one pattern."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.patterns import AnyOf

ENTRIES = ["beers?", "(red|white) wines?", "(a|b)?c", "be", "\\d+ ?% off", "(x(y|z)|w) v", "gin"]


@pytest.mark.parametrize(
    "text",
    [
        "beer",
        "beers",
        "red wine",
        "white wines",
        "c",
        "ac",
        "be",
        "5% off",
        "xy v",
        "w v",
        "1 gin!",
    ],
)
def test_every_way_to_write_an_entry_is_found(text: str) -> None:
    assert AnyOf(ENTRIES).search(text)


@pytest.mark.parametrize("text", ["beery", "abeer", "red", "wine", "b", "xv", "gins", "5off", ""])
def test_only_whole_words_are_found(text: str) -> None:
    assert AnyOf(ENTRIES).search(text) is None


def test_brackets_that_are_meant_as_signs_stay_so() -> None:
    assert AnyOf(["\\(c\\)", "[()|]x"]).search("(c)")
    assert AnyOf(["(a[|)]|b)c"]).search("a)c")


def test_a_group_that_is_not_closed_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="not closed"):
        AnyOf(["(a|b"]).search("a")


@given(st.text(st.sampled_from("abcegirnsx0 %vwyz"), max_size=40))
def test_the_tree_finds_what_the_plain_alternation_does(text: str) -> None:
    plain = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(ENTRIES)})(?![a-z0-9])")
    assert (AnyOf(ENTRIES).search(text) is None) == (plain.search(text) is None)
