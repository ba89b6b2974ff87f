"""How many values a JSON body may have: counted as a parser would, before one is asked."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.http import json_limits
from dialects.http.bodies import BadBody, parse_json
from dialects.http.json_limits import VALUES_IN_A_ROW_MAX, VALUES_MAX, fault_of_values

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
