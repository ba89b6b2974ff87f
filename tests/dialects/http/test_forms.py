"""Form bodies: read as they were written, or refused as a whole."""

from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.http.bodies import FORM_FIELDS_MAX, BadBody, parse_form

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@settings(deadline=None)
@given(st.dictionaries(TEXTS, TEXTS, max_size=FORM_FIELDS_MAX))
def test_what_was_encoded_comes_back(fields: dict[str, str]) -> None:
    assert parse_form(urlencode(fields).encode()) == fields


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        fields = parse_form(raw)
    except BadBody as bad:
        assert bad.status == 400
    else:
        assert "\x00" not in "".join([*fields, *fields.values()])
        "".join([*fields, *fields.values()]).encode()


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"", {}),
        (b"a=", {"a": ""}),
        (b"a", {"a": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=1+2%2B3", {"a": "1 2+3"}),
        (b"a=%&b=%4&c=%zz", {"a": "%", "b": "%4", "c": "%zz"}),
        (b"a;b=c", {"a;b": "c"}),
        ("a=é".encode(), {"a": "é"}),
        (b"&&a=b&", {"a": "b"}),
    ],
)
def test_forms_are_read_as_browsers_mean_them(raw: bytes, fields: dict[str, str]) -> None:
    assert parse_form(raw) == fields


@pytest.mark.parametrize(
    "raw",
    [b"a=%00", b"%00=a", b"a=\x00", b"a=\xff", b"a=%ff", b"a=%C3", b"a=%ED%A0%80", b"a=1&a=1"],
)
def test_what_two_readers_could_read_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(BadBody):
        parse_form(raw)


def test_a_form_has_so_many_fields_and_no_more() -> None:
    raw = "&".join(f"f{number}=x" for number in range(FORM_FIELDS_MAX)).encode()
    assert len(parse_form(raw)) == FORM_FIELDS_MAX
    with pytest.raises(BadBody):
        parse_form(raw + b"&one=more")
