"""Every way to write a number, in every region, is read as libphonenumber reads it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType
from phonenumbers.phonenumberutil import COUNTRY_CODES_FOR_NON_GEO_REGIONS, ValidationResult

from campaign.phone import canonical_number, is_e164

E164, NATIONAL = PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
FULL_WIDTH = str.maketrans("+0123456789()- ", "＋０１２３４５６７８９（）－　")
LETTERS = re.compile(r"[A-Za-z]")

# Forms that the library reads and Godwit refuses, or reads otherwise, with the reason.
DISAGREEMENTS = {
    "+1 800 FLOWERS": "letters are no number: 4.47E+11 has one",
    "+44 7911 123456 ext. 5": "a text cannot reach an extension",
    "call +44 7911 123456": "a field of a number holds nothing else",
    "+44 7911 123456 / +44 7911 123457": "two numbers",
    "+49 1512 3456789/57": "the ending of a second number",
    "-447911123456": "a negative number of a spreadsheet",
    "/447911123456": "the rest of a path or a pair",
    "+-447911123456": "a negative number behind a plus",
    "447911123456.0": "a decimal of a spreadsheet, which is dropped",
    "4915123456789.5": "a decimal of a spreadsheet",
    "4.47911123456": "the mantissa of a spreadsheet",
    "+49 151 23456789.5": "a decimal of a spreadsheet behind a whole number",
    "4.47911E+11": "scientific notation",
    "+15551234": "possible only as a local number",
    "+1 555 1234": "possible only as a local number",
    "+1234567": "an impossible length",
}
# The library's readings that are refused because E.164 has 7 to 15 digits.
LENGTHS = "E.164 has 7 to 15 digits"


def library(written: str, region: str | None = None) -> str | None:
    """The library's reading, None where it has none or the number is impossible or local."""
    try:
        parsed = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(parsed) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(parsed, E164)


def examples() -> Iterator[tuple[str, PhoneNumber]]:
    """The library's example of every region and type, and of every code without a region."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in PhoneNumberType.values():
            one = phonenumbers.example_number_for_type(region, kind)
            if one is not None:
                yield region, one
    for code in sorted(COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        one = phonenumbers.example_number_for_non_geo_entity(code)
        if one is not None:
            yield "001", one


EXAMPLES = list(examples())


def trunk_of(region: str, one: PhoneNumber) -> str | None:
    """What a caller inside of the region dials before the number."""
    assert one.country_code is not None
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(one.country_code, region)
    return metadata.national_prefix if metadata is not None else None


Form = Callable[[str, PhoneNumber], str | None]


def behind_code(make: Callable[[str, str, str], str]) -> Form:
    """A form made of country code, national prefix and national number."""

    def form(region: str, one: PhoneNumber) -> str | None:
        trunk = trunk_of(region, one)
        national = phonenumbers.national_significant_number(one)
        return None if trunk is None else make(str(one.country_code), trunk, national)

    return form


def written(make: Callable[[str], str], format: int = E164) -> Form:
    """A form made of one of the library's."""
    return lambda _, one: make(phonenumbers.format_number(one, format))


INTERNATIONAL: dict[str, Form] = {
    "E.164": written(str),
    "without plus": written(lambda e164: e164[1:]),
    "00": written(lambda e164: f"00{e164[1:]}"),
    "00 and spaces": written(lambda e164: f"00 {e164[1:3]} {e164[3:]}"),
    "international": written(str, PhoneNumberFormat.INTERNATIONAL),
    "RFC 3966": written(str, PhoneNumberFormat.RFC3966),
    "dots": written(lambda text: re.sub("[ -]", ".", text), PhoneNumberFormat.INTERNATIONAL),
    "dashes": written(lambda text: text.replace(" ", "-"), PhoneNumberFormat.INTERNATIONAL),
    "odd dashes": written(
        lambda text: re.sub("[ -]", "\u2212", text), PhoneNumberFormat.INTERNATIONAL
    ),
    "odd spaces": written(
        lambda text: re.sub("[ -]", "\u00a0", text), PhoneNumberFormat.INTERNATIONAL
    ),
    "brackets": written(lambda e164: f"(+{e164[1:4]}) {e164[4:]}"),
    "full width": written(lambda text: text.translate(FULL_WIDTH), PhoneNumberFormat.INTERNATIONAL),
    "Arabic digits": written(lambda e164: e164.translate(ARABIC)),
    "prefix behind the code": behind_code(lambda code, trunk, rest: f"+{code}{trunk}{rest}"),
    "prefix in brackets": behind_code(lambda code, trunk, rest: f"+{code} ({trunk}) {rest}"),
    "prefix without plus": behind_code(lambda code, trunk, rest: f"{code}{trunk}{rest}"),
}
NATIONALS: dict[str, Form] = {
    "national": written(str, NATIONAL),
    "national digits": written(lambda text: re.sub(r"\D", "", text), NATIONAL),
    "without prefix": lambda _, one: phonenumbers.national_significant_number(one),
    "with prefix": behind_code(lambda _, trunk, rest: trunk + rest),
    "E.164": written(str),
    "without plus": written(lambda e164: e164[1:]),
    "00": written(lambda e164: f"00{e164[1:]}"),
    "011": written(lambda e164: f"011{e164[1:]}"),
}
SPREADSHEET: dict[str, Callable[[str], str]] = {
    "one zero": lambda e164: f"{e164[1:]}.0",
    "two zeros": lambda e164: f"{e164[1:]}.00",
    "plus and zero": lambda e164: f"{e164}.0",
    "apostrophe": lambda e164: f"'{e164}",
    "apostrophe, no plus": lambda e164: f"'{e164[1:]}",
    "override": lambda e164: f"\u202a{e164}\u202c",
    "isolate": lambda e164: f"\u2068{e164}\u2069",
    "zero width": lambda e164: f"{e164[:3]}\u200b{e164[3:]}",
}
REFUSED: dict[str, Callable[[str], str]] = {
    "other decimals": lambda e164: f"{e164[1:]}.5",
    "many decimals": lambda e164: f"{e164[1:]}.0000001",
    "scientific": lambda e164: f"{int(e164[1:]):.5E}",
    "whole scientific": lambda e164: f"{e164[1:]}E0",
    "minus": lambda e164: f"-{e164[1:]}",
    "slash": lambda e164: f"/{e164[1:]}",
    "pair": lambda e164: f"{e164[1:]}/-1",
    "two numbers": lambda e164: f"{e164}/{e164}",
    "comma": lambda e164: f"{e164},0",
}


def compare(
    forms: dict[str, Form], read_in_region: bool
) -> tuple[Counter[str], list[tuple[str, str, str | None, str | None]], int]:
    """Forms tried by name, disagreements, and readings that no E.164 number can hold."""
    tried: Counter[str] = Counter()
    differing = []
    unfit = 0
    for region, one in EXAMPLES:
        default = region if read_in_region and region != "001" else None
        if read_in_region and default is None:
            continue
        for name, form in forms.items():
            text = form(region, one)
            if text is None or LETTERS.search(text.removeprefix("tel:")):
                continue
            tried[name] += 1
            # Without a plus the library needs a region; the country code is required here.
            plain = "".join(text.split()).translate(FULL_WIDTH_BACK)
            asked = text if default or "+" in plain else f"+{plain.removeprefix('00')}"
            expected = library(asked, default)
            if expected is not None and not is_e164(expected):
                unfit, expected = unfit + 1, None
            found = canonical_number(text, default)
            if found != expected:
                differing.append((name, text, found, expected))
    return tried, differing, unfit


FULL_WIDTH_BACK = {value: key for key, value in FULL_WIDTH.items()}


def report(what: str, tried: Counter[str], unfit: int, differing: int) -> None:
    """Print the figures of one comparison."""
    print(  # noqa: T201 - figures of the comparison.
        f"{what}: {tried.total():,} numbers in {len(tried)} forms, {differing} disagreements, "
        f"{unfit} refused because {LENGTHS}"
    )


def test_every_international_form_of_every_region_is_read_as_the_library_reads_it() -> None:
    tried, differing, unfit = compare(INTERNATIONAL, read_in_region=False)
    report("international", tried, unfit, len(differing))
    assert tried.total() > 15_000
    assert differing == []


def test_every_form_dialled_in_its_own_region_is_read_as_the_library_reads_it() -> None:
    tried, differing, unfit = compare(NATIONALS, read_in_region=True)
    report("dialled in its region", tried, unfit, len(differing))
    assert tried.total() > 7_500
    assert differing == []


def test_numbers_dialled_abroad_with_the_prefix_of_the_caller_are_read() -> None:
    tried = 0
    for caller in ("AU", "BR", "DE", "FR", "GB", "HK", "JP", "RU", "SG", "US"):
        for _, one in EXAMPLES:
            e164 = phonenumbers.format_number(one, E164)
            if e164.startswith(f"+{phonenumbers.country_code_for_region(caller)}"):
                continue
            dialled = phonenumbers.format_out_of_country_calling_number(one, caller)
            expected = library(dialled, caller)
            tried += 1
            assert canonical_number(dialled, caller) == (
                expected if expected is None or is_e164(expected) else None
            ), (caller, dialled)
    print(f"dialled abroad: {tried:,} numbers")  # noqa: T201


def test_what_a_spreadsheet_or_a_message_adds_to_a_number_is_dropped_in_every_region() -> None:
    for name, change in SPREADSHEET.items():
        for _, one in EXAMPLES:
            e164 = phonenumbers.format_number(one, E164)
            expected = canonical_number(e164)
            assert canonical_number(change(e164)) == expected, (name, e164)


def test_rubbish_of_spreadsheets_is_refused_in_every_region() -> None:
    for name, change in REFUSED.items():
        for _, one in EXAMPLES:
            e164 = phonenumbers.format_number(one, E164)
            assert canonical_number(change(e164)) is None, (name, e164)


@pytest.mark.parametrize("text", DISAGREEMENTS)
def test_each_disagreement_with_the_library_has_a_reason(text: str) -> None:
    kept = "+447911123456" if text == "447911123456.0" else None
    assert canonical_number(text) == kept, DISAGREEMENTS[text]
