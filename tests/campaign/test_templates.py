"""Tags in templates are filled by fields, with a default where a value is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.templates import Filled, fill
from campaign.text import clean

cleaned = st.text(max_size=60).map(clean)


def test_fields_are_filled_in_with_or_without_spaces_and_case() -> None:
    filled = fill("Hi {{NAME}}, {{ first.name }} {{Name}}", {"name": "Ann", "FIRST.NAME": "Bo"})
    assert filled.text == "Hi Ann, Bo Ann"
    assert filled.missing == ()


def test_a_default_replaces_a_missing_or_blank_value_and_nothing_is_missing() -> None:
    template = "Hi {{ Name | dear friend }}!"
    assert fill(template, {}) == fill(template, {"name": " "}) == Filled("Hi dear friend!", (), 15)
    assert fill(template, {"NAME": "Ann"}).text == "Hi Ann!"
    assert fill("Hi{{Name|}}!", {}) == Filled("Hi!", (), 3)
    assert fill("{{a|b|c}} {{x}}", {}) == Filled("b|c ", ("x",), 4)
    # A field that has such a name goes first.
    assert fill("{{a|b}}", {"a|b": "1", "a": "2"}).text == "1"
    assert fill("Hi {{|friend}}", {}).broken == 3


def test_a_name_as_written_goes_before_one_of_another_case() -> None:
    assert fill("{{Name}} {{name}}", {"name": "low", "Name": "high"}).text == "high low"


def test_a_missing_field_becomes_empty_and_is_named_once() -> None:
    filled = fill("{{a}}-{{b}}-{{a}}-{{c}}", {"b": "B"})
    assert (filled.text, filled.missing) == ("-B--", ("a", "c"))


@pytest.mark.parametrize("text", ["{name}", "{ {a} }", "a}} {b", "{a:{b:1}}"])
def test_single_braces_stay_as_they_are(text: str) -> None:
    filled = fill(text, {"name": "x", "a": "y"})
    assert (filled.text, filled.broken) == (text, None)


@pytest.mark.parametrize(
    ("tag", "place"),
    [
        ("{{}}", 0),
        ("Hi {{ }}", 3),
        ("{{a}} {{a", 6),
        ("{{a\n}", 0),
        ("{{a{{b}}}}", 0),
        ("{{{a}}}", 1),
        ("{{a}}}", 0),
        ("{{\u200b}}", 0),
        ("{{a\u202eb}}", 0),
        ("{{" + "a" * 65 + "}}", 0),
    ],
)
def test_braces_that_are_no_tag_are_found(tag: str, place: int) -> None:
    assert fill(tag, {"a": "y", "b": "z"}).broken == place


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("{{First Name}}", "First Name"),
        ("{{ first  name }}", "First Name"),
        ("{{First\u00a0Name}}", "First Name"),
        ("{{First\nName}}", "first name"),
        ("{{Prénom}}", "Prénom"),
        ("{{Pre\u0301nom}}", "PRÉNOM"),
        ("{{Имя}}", "имя"),
        ("{{名前}}", "名前"),
        ("{{Straße #1 (alt)}}", "STRASSE #1 (ALT)"),
        ("{{नाम}}", "नाम"),
    ],
)
def test_a_tag_may_have_spaces_and_letters_of_any_script(tag: str, name: str) -> None:
    assert fill(f"Hi {tag}!", {name: "Ann"}) == ("Hi Ann!", (), 7, None)
    assert fill(tag, {}).missing != ()


def test_a_filled_text_is_composed_also_where_its_parts_meet() -> None:
    assert fill("Caf{{a}} {{b}}\u0301", {"a": "e\u0301", "b": "e"}).text == "Café é"
    assert fill("ae{{a}}", {"a": "\u0301"}, 2) == ("aé", (), 2, None)


@given(cleaned, cleaned)
def test_a_value_is_plain_text_even_where_it_looks_like_a_tag(before: str, value: str) -> None:
    template = before.replace("{", "(") + "{{ name }}|"
    filled = fill(template, {"name": "{{name}}" + value})
    assert filled.text == before.replace("{", "(") + "{{name}}" + value + "|"


@given(st.text(st.characters(exclude_characters="{"), max_size=200))
def test_a_text_without_tags_is_not_touched(text: str) -> None:
    assert fill(text, {"a": "b"}).text == text
