"""The shapes of numbers and senders, and what digits alone tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.phone import OfflineLookup, SenderKind, is_e164, sender_kind
from campaign.ports import NumberFacts


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
