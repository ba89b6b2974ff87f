"""How many values a JSON body may have: counted as a parser would, before one is asked."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.http import json_limits
from dialects.http.bodies import BadBody, parse_json
from dialects.http.json_limits import (
    STRING_LENGTH_MAX,
    VALUES_IN_A_ROW_MAX,
    VALUES_MAX,
    fault_of_values,
    without_long_strings,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('",{}[]\\aé\n'),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text('",}\\a'), inner),
    max_leaves=30,
)


def marks(value: Any) -> tuple[int, int]:
    """What is to be counted in a value: commas and ends of objects, and all of both."""
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list):
        return 0, 0
    own, ends = max(0, len(inner) - 1), int(isinstance(value, dict))
    commas, closed = zip(*map(marks, inner), strict=True) if inner else ((), ())
    return own + sum(commas), ends + sum(closed)


@given(VALUES, st.booleans(), st.integers(1, 40))
def test_values_are_counted_outside_of_strings_whatever_the_strings_hold(
    value: Any, ascii_only: bool, slice_bytes: int
) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_limits, "_SLICE_BYTES", slice_bytes)
        in_a_row, total = json_limits._count(raw)
    commas, ends = marks(value)
    assert total == commas + ends
    assert in_a_row <= commas


def test_as_many_values_in_a_row_as_allowed_are_read_and_one_more_is_not() -> None:
    most = b"[" + b"1," * VALUES_IN_A_ROW_MAX + b"1]"
    assert fault_of_values(most) is None
    fault = fault_of_values(b"[1," + most[1:])
    assert fault == "the body has more than 20000 values in one object or array"


@pytest.mark.parametrize(
    "raw",
    [
        b"{" + b",".join(b'"a}%d":1' % index for index in range(30_000)) + b"}",
        b"[" + b'"}",' * 30_000 + b"1]",
        b"[" + b'"\\"}",' * 30_000 + b"1]",
        b"[" + b'"\\\\",' * 30_000 + b"1]",
    ],
    ids=["names", "strings", "escaped quotation marks", "escaped backslashes"],
)
def test_braces_within_strings_hide_no_values(raw: bytes) -> None:
    json.loads(raw)
    with pytest.raises(BadBody, match="in one object or array") as caught:
        parse_json(raw)
    assert caught.value.status == 413


def test_commas_within_strings_are_no_values() -> None:
    raw = json.dumps({"text": ",}" * 100_000}).encode()
    assert fault_of_values(raw) is None


def test_more_values_than_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = b"[" + b'{"a":1},' * (VALUES_MAX // 2) + b"1]"
    assert fault_of_values(objects) is None
    assert fault_of_values(b"[1,2," + objects[1:]) == "the body has more than 2000000 values"
    assert fault_of_values(b'"",' * (2 * VALUES_MAX + 3)) == "the body has more than 2000000 values"


def test_the_largest_campaign_is_within_the_limits() -> None:
    fields = {f"FIELD_{index}": "a, b" for index in range(20)}
    person = {"to": "+14155550123", "reference": "row", "text": "Hi, {{FIELD_1}}", "fields": fields}
    raw = b'{"recipients":[' + b",".join([json.dumps(person).encode()] * 50_000) + b"]}"
    assert fault_of_values(raw) is None


STRINGS = st.text(st.sampled_from(list('",\\{}aé😀\n\x00')), max_size=60)
SHORT = 16


def cut(value: Any) -> Any:
    """A value whose long strings are cut, without the hash of what they had."""
    if isinstance(value, str):
        return value[:SHORT]
    if isinstance(value, list):
        return [cut(each) for each in value]
    return {cut(name): cut(each) for name, each in value.items()}


@given(st.recursive(STRINGS, lambda inner: st.lists(inner, max_size=5)), st.booleans())
def test_long_strings_are_cut_between_characters_and_short_ones_stay(
    value: Any, ascii_only: bool
) -> None:
    raw = json.dumps([value], ensure_ascii=ascii_only).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_limits, "STRING_LENGTH_MAX", SHORT)
        read = json.loads(without_long_strings(raw))
    assert cut(read) == cut([value])
    if all(len(text) <= SHORT for text in _strings(value)):
        assert read == [value]


def _strings(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [s for each in value for s in _strings(each)]


@pytest.mark.parametrize("character", ["y", "é", "😀", '"', "\\", "\n", "e\u0301"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_string_of_megabytes_is_read_as_one_too_long_for_any_request(
    character: str, ascii_only: bool
) -> None:
    text = character * (1_000_000 // len(character))
    value = {"text": text, "after": "kept", character * STRING_LENGTH_MAX: text + "!"}
    read = parse_json(json.dumps(value, ensure_ascii=ascii_only).encode())
    assert read["after"] == "kept"
    lengths = [len(each) for name, each in read.items() if name != "after"]
    assert all(STRING_LENGTH_MAX < length <= STRING_LENGTH_MAX + 64 for length in lengths)
    # Different strings stay different.
    assert len(set(read.values())) == 3


def test_a_long_string_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(BadBody, match="not UTF-8"):
        parse_json(b'{"a": "' + b"y" * 1_000_000 + b'\xff"}')


def test_half_a_long_string_is_no_json() -> None:
    for end in (b"", b"\\", b'\\"'):
        with pytest.raises(BadBody, match="not JSON"):
            parse_json(b'{"a": "' + b"y" * 1_000_000 + end)


def test_long_white_space_and_large_bodies_stay_as_they_are() -> None:
    people = [{"to": "+14155550123", "text": "x" * 1_000} for _ in range(2_000)]
    raw = json.dumps({"recipients": people}).encode() + b" " * 1_000_000
    assert without_long_strings(raw) == raw
