"""Long lists of phrases as one pattern."""

import re

import pytest
import re2
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
    assert AnyOf(ENTRIES).is_in(text)


@pytest.mark.parametrize("text", ["beery", "abeer", "red", "wine", "b", "xv", "gins", "5off", ""])
def test_only_whole_words_are_found(text: str) -> None:
    assert not AnyOf(ENTRIES).is_in(text)


def test_brackets_that_are_meant_as_signs_stay_so() -> None:
    assert AnyOf(["\\(c\\)", "[()|]x"]).is_in("(c)")
    assert AnyOf(["(a[|)]|b)c"]).is_in("a)c")


def test_a_group_that_is_not_closed_is_a_mistake() -> None:
    with pytest.raises(re2.error):
        AnyOf(["(a|b"]).is_in("a")


@given(st.text(st.sampled_from("abcegirnsx0 %vwyzéж\u0663\ud800"), max_size=40))
def test_what_is_found_is_what_python_finds(text: str) -> None:
    entries = [*ENTRIES, "a\\w+b", "ж", "\\w\\d"]
    pattern = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(entries)})(?![a-z0-9])")
    found = AnyOf(entries)
    assert found.is_in(text) == (pattern.search(text) is not None)
    assert found.sub(" ", text) == pattern.sub(" ", text)


@given(st.text(st.sampled_from("abcegirnsx0 %vwyz"), max_size=40))
def test_whole_entries_are_listed_without_their_groups(text: str) -> None:
    pattern = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(ENTRIES)})(?![a-z0-9])")
    assert AnyOf(ENTRIES).findall(text) == [match[0] for match in pattern.finditer(text)]
