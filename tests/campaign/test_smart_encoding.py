"""What makes a text longer than GSM-7 could say it is counted, and its replacement is known."""

from hypothesis import given
from hypothesis import strategies as st

from campaign.smart_encoding import REPLACEMENTS, lacking, replacement_of, smart_encoded
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


@given(st.text(st.sampled_from([*REPLACEMENTS, *"abc ,.'\"€{Жж👋"])))
def test_smart_encoding_makes_a_text_gsm7_by_replacements_alone_or_leaves_it(text: str) -> None:
    encoded = smart_encoded(text)
    replaced = "".join(REPLACEMENTS.get(each, each) for each in text)
    if segment(replaced).encoding == "gsm7":
        assert encoded == replaced
    else:
        assert encoded == text
    assert segment(encoded).count <= segment(text).count
    assert smart_encoded(encoded) == encoded


def test_smart_encoding_leaves_links_and_texts_with_emoji_as_they_are() -> None:
    for text in ("It’s here 👋", "See https://example.com/a–b", "See www.example.com/a–b"):
        assert smart_encoded(text) == text
    assert smart_encoded("“https://example.com/a” – now") == '"https://example.com/a" - now'
