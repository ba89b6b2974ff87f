"""What makes a text longer than GSM-7 could say it is counted, and its replacement is known."""

from hypothesis import given
from hypothesis import strategies as st

from campaign.smart_encoding import REPLACEMENTS, lacking, replacement_of
from campaign.text import segment


def test_typographic_characters_have_a_replacement_that_gsm7_encodes() -> None:
    for character, replacement in REPLACEMENTS.items():
        assert segment(character).encoding == "ucs2", f"U+{ord(character):04X}"
        assert segment(replacement).encoding == "gsm7"


def test_characters_of_gsm7_and_those_without_a_likeness_have_none() -> None:
    assert [replacement_of(each) for each in "a'€{ü👋Ж"] == [None] * 7


def test_the_characters_that_gsm7_lacks_are_counted_over_all_texts() -> None:
    assert lacking(["It’s here", "It’s “there” 👋", "plain"]) == {"’": 2, "“": 1, "”": 1, "👋": 1}


@given(st.text())
def test_a_text_lacks_something_exactly_if_it_is_not_gsm7(text: str) -> None:
    assert bool(lacking([text])) == (segment(text).encoding == "ucs2")
