"""The shapes of numbers and senders, and what digits alone tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.lookups import NumberFacts
from campaign.phone import OfflineLookup, SenderKind, canonical_number, is_e164, sender_kind


@pytest.mark.parametrize("number", ["+14155550123", "+447912345678", "+1234567", "+" + "9" * 15])
def test_a_plus_and_seven_to_fifteen_digits_are_e164(number: str) -> None:
    assert is_e164(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "14155550123",
        "+04155550123",
        "+123456",
        "+" + "9" * 16,
        "+1 415 555 0123",
        "+1-415-555-0123",
        "+14155550123\n",
        "+1415555O123",
        "+١٤١٥٥٥٥٠١٢٣",
        "00447912345678",
    ],
)
def test_every_other_shape_is_not_e164(number: str) -> None:
    assert not is_e164(number)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("+18005559876", SenderKind.LONG_CODE),
        ("72345", SenderKind.SHORT_CODE),
        ("723456", SenderKind.SHORT_CODE),
        ("GODWIT", SenderKind.ALPHANUMERIC),
        ("Bean n Gone", SenderKind.ALPHANUMERIC),
        ("24SEVEN", SenderKind.ALPHANUMERIC),
        ("A", SenderKind.ALPHANUMERIC),
    ],
)
def test_a_sender_is_a_number_a_short_code_or_a_name(address: str, kind: SenderKind) -> None:
    assert sender_kind(address) is kind


@pytest.mark.parametrize(
    "address",
    ["", "1234", "1234567", "18005559876", "TwelveLetter", "Café", "Bean&Gone", "12345 ", "A\n"],
)
def test_anything_else_is_no_sender(address: str) -> None:
    assert sender_kind(address) is None


@given(st.text(max_size=20))
def test_every_text_has_at_most_one_kind_and_e164_is_a_long_code(address: str) -> None:
    assert (sender_kind(address) is SenderKind.LONG_CODE) == is_e164(address)


@pytest.mark.parametrize(
    ("number", "country", "line_type"),
    [
        ("+447912345678", "GB", "mobile"),
        ("+442079460123", "GB", "fixed_line"),
        ("+61412345678", "AU", "mobile"),
        ("+14155550123", "US", "fixed_line_or_mobile"),
        ("+18005559876", "US", "toll_free"),
        ("+33612345678", "FR", "mobile"),
    ],
)
def test_the_numbering_plans_tell_country_and_type(
    number: str, country: str, line_type: str
) -> None:
    facts = OfflineLookup().look_up(number)
    assert (facts.possible, facts.country, facts.line_type) == (True, country, line_type)


def test_the_network_that_a_number_was_given_to_is_told_where_it_is_known() -> None:
    assert OfflineLookup().look_up("+447912345678").network == "O2"
    assert OfflineLookup().look_up("+14155550123").network is None


@pytest.mark.parametrize("number", ["+1234567", "+999123456789", "+4479123456789012", "nonsense"])
def test_a_number_that_cannot_exist_is_said_to_be_none(number: str) -> None:
    assert OfflineLookup().look_up(number) == NumberFacts(possible=False)


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_looking_any_number_up_twice_tells_the_same(number: str) -> None:
    assert OfflineLookup().look_up(number) == OfflineLookup().look_up(number)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("4915123456789.0", "+4915123456789"),
        ("43664123456.0", "+43664123456"),
        ("447911123499.00", "+447911123499"),
        ("+49 151 23456789.0", "+4915123456789"),
        ("447911123499.5", None),
        ("+447911123499.01", None),
        ("4.47911E+11", None),
        ("+33.6.12.34.56.00", "+33612345600"),
        ("+1.4155550123", "+14155550123"),
    ],
)
def test_a_decimal_of_a_spreadsheet_never_joins_the_digits(
    written: str, number: str | None
) -> None:
    assert canonical_number(written) == number


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+54111523456789", "+5491123456789"),
        ("+993 8 65 123456", "+99365123456"),
        ("+44 (0)7900 000001", "+447900000001"),
        ("001 415 555 0103", "+14155550103"),
        ("+39 06 12345678", "+390612345678"),
    ],
)
def test_one_person_has_one_number_with_and_without_the_national_prefix(
    written: str, number: str
) -> None:
    assert canonical_number(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "\u202a+447911123457\u202c",
        "\u2068+447911123457\u2069",
        "+44\u200b7911123457",
        "\ufeff+44\u00a07911\u2009123457",
        "+44\u20117911\u2212123457",
        "\uff0b\uff14\uff147911123457",
    ],
)
def test_invisible_characters_and_odd_separators_are_dropped(written: str) -> None:
    assert canonical_number(written) == "+447911123457"


@pytest.mark.parametrize(
    "written",
    [
        "+15551234",
        "-2147483648/-1",
        "-447911123456",
        "/447911123456",
        "4915123456789/1",
        "+9991234567890",
        "+2101234567",
        "+447911",
        "+4479111234567",
        "447911123456\u00b2",
    ],
)
def test_what_cannot_exist_or_only_locally_is_no_number(written: str) -> None:
    assert canonical_number(written) is None


def test_with_a_region_a_number_is_read_as_dialled_there() -> None:
    assert canonical_number("07911 123456", "GB") == "+447911123456"
    assert canonical_number("7911123456.0", "GB") == "+447911123456"
    assert canonical_number("011 44 7911 123456", "US") == "+447911123456"
    assert canonical_number("+1 415 555 0123", "GB") == "+14155550123"
    assert canonical_number("07911 123456", "XX") is None
