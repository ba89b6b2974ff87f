"""Facts from the plans that are read once: for every number the same as the library's own."""

import random
from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, PhoneNumberFormat, carrier
from phonenumbers.carrierdata import CARRIER_DATA
from phonenumbers.phonenumberutil import COUNTRY_CODES_FOR_NON_GEO_REGIONS, ValidationResult

from campaign import numbering
from campaign.lookups import NumberFacts
from campaign.phone import LINE_TYPES, OfflineLookup, is_e164


def is_possible(parsed: PhoneNumber) -> bool:
    """True if the length of a number is possible, and not only as a local number."""
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    return reason == ValidationResult.IS_POSSIBLE


def facts_of_the_library(number: str) -> NumberFacts:
    """What the library's own functions say, one after the other."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return NumberFacts(possible=False)
    if not is_possible(parsed):
        return NumberFacts(possible=False)
    return NumberFacts(
        possible=True,
        country=phonenumbers.region_code_for_number(parsed),
        line_type=LINE_TYPES.get(phonenumbers.number_type(parsed)),
        network=carrier.name_for_number(parsed, "en") or None,
    )


def read_by_the_library(number: str) -> tuple[str, bool] | None:
    """A number without its trunk digit, and whether it is possible, as the library reads it."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    written = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return written, is_possible(parsed)


def check(number: str) -> None:
    """Hold one number against the library."""
    parsed = numbering.parse(number)
    read = parsed and (f"+{parsed[0].code}{parsed[1]}", parsed[0].is_possible(parsed[1]))
    assert read == read_by_the_library(number), number
    assert OfflineLookup().look_up(number) == facts_of_the_library(number), number


def examples() -> Iterator[str]:
    """The library's example of every region and type, and of every code without a region."""
    found: list[PhoneNumber | None] = [
        phonenumbers.example_number_for_type(region, kind)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in phonenumbers.PhoneNumberType.values()
    ]
    found += [phonenumbers.invalid_example_number(r) for r in phonenumbers.SUPPORTED_REGIONS]
    found += map(phonenumbers.example_number_for_non_geo_entity, COUNTRY_CODES_FOR_NON_GEO_REGIONS)
    for one in found:
        if one is not None:
            yield phonenumbers.format_number(one, PhoneNumberFormat.E164)


EXAMPLES = sorted(set(examples()))
CODES = sorted(COUNTRY_CODE_TO_REGION_CODE)
E164 = [number for number in EXAMPLES if is_e164(number)]


def test_examples_of_all_regions_and_types_are_told_as_the_library_tells_them() -> None:
    assert len(EXAMPLES) > 1_200
    assert len(EXAMPLES) - len(E164) < 20
    for number in E164:
        check(number)


def test_neighbours_of_all_examples_are_told_as_the_library_tells_them() -> None:
    """One digit less or more, another first or last one, and a trunk digit behind the code."""
    for number in E164:
        plan, national = numbering.parse(number) or pytest.fail(number)
        code = f"+{plan.code}"
        neighbours = [number[:-1], f"{number}0", f"{number[:-1]}9", f"{number[:-1]}0"]
        neighbours += [code + first + national[1:] for first in "0189"]
        neighbours += [code + trunk + national for trunk in ("0", "1", "8", "06", "15")]
        for neighbour in neighbours:
            if is_e164(neighbour):
                check(neighbour)


def test_numbers_of_the_networks_are_told_as_the_library_tells_them() -> None:
    digits = random.Random(1)
    for prefix in digits.sample(sorted(CARRIER_DATA), 2_000):
        for length in (10, 11, 12, 13):
            rest = "".join(digits.choices("0123456789", k=length - len(prefix)))
            check(f"+{prefix}{rest}")


@settings(max_examples=500)
@given(
    st.sampled_from(E164),
    st.integers(1, 11),
    st.text("0123456789", min_size=0, max_size=11),
)
def test_varied_digits_of_examples_change_nothing(number: str, kept: int, rest: str) -> None:
    varied = number[: 1 + kept] + rest
    if is_e164(varied):
        check(varied)


@settings(max_examples=500)
@given(st.sampled_from(CODES), st.text("0123456789", min_size=5, max_size=13))
def test_any_digits_behind_any_country_code_change_nothing(code: int, national: str) -> None:
    number = f"+{code}{national}"
    if is_e164(number):
        check(number)


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_any_digits_change_nothing(number: str) -> None:
    check(number)


@given(st.text("+0123456789 ()-;x,#٣abtel:=", max_size=20))
def test_what_is_no_e164_is_left_to_the_library(written: str) -> None:
    check(written)
