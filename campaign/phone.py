"""Phone numbers and senders: their forms, and what numbering plans say of a number."""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from phonenumbers import SUPPORTED_REGIONS, PhoneNumberType

from campaign import numbering
from campaign.lookups import NumberFacts
from campaign.text_cache import text_cache

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# Digits and the separators of libphonenumber; a leading separator other than a bracket is rejected.
_WRITTEN = re.compile(r"[(\[ ]*\+*[(\[ ]*[0-9][0-9 ().\-/\[\]~]*")
# Fewer than four digits after a slash are another number's ending, not part of this number.
_SECOND_NUMBER = re.compile(r"/(?![ (\[]*[0-9](?:[^0-9/]*[0-9]){3})")
_LAST_DOT = re.compile(r"(?P<head>.*)\.(?P<tail>[0-9]+)[ )\]]*")
# A dot may follow a country code, as in the form +1.4155550123 of domain registries.
_DECIMAL = re.compile(r"(?:[0-9]+|\+[0-9]{4,})\.[0-9]+")
_WRITTEN_MAX = 42
# With format characters.
_RAW_MAX = 100
# Numbers are looked up again soon or not at all, and each that is kept among those of a large
# request holds memory of the others back. Those of a request of 5,000, with their facts.
NUMBERS_BYTES_MAX = 4 * 1024 * 1024
_NOT_DIGITS = re.compile(r"[^0-9]+")
# Digits of other scripts, and control characters.
_NOT_FULL = re.compile(r"[^\D0-9]|[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SHORT_CODE = re.compile(r"[0-9]{5,6}")
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
# Of the characters that libphonenumber takes for a dash or a tilde, those of other categories.
_SEPARATORS = {"\u2212": "-", "\u30fc": "-", "\u2053": "~", "\u223c": "~"}

LINE_TYPES = {
    PhoneNumberType.FIXED_LINE: "fixed_line",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal_number",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}


_IMPOSSIBLE = NumberFacts(possible=False)
# Many numbers share few facts.
_shared = lru_cache(maxsize=10_000)(NumberFacts)


class SenderKind(StrEnum):
    """What a message may be sent from (seeds 001 and 003)."""

    LONG_CODE = "long_code"
    SHORT_CODE = "short_code"
    ALPHANUMERIC = "alphanumeric"


def is_e164(number: str) -> bool:
    """True if ``number`` is ``+`` and 7-15 digits without a leading zero (ITU-T E.164).

    Checks the form only; a lookup knows whether the number can exist.
    """
    return _E164.fullmatch(number) is not None


def canonical_number(written: str, region: str | None = None) -> str | None:
    """Convert a number as people write it to E.164; None if it is no number.

    The result is that of libphonenumber: ``+44 (0)7900 000001``, ``00447900000001`` and
    ``447900000001`` become ``+447900000001``. A number that is too short, too long or only local
    is None, and so are a spreadsheet's ``4.47E+11`` and ``447900000001.5``; ``.0`` is dropped.

    With ``region`` (ISO 3166-1 alpha-2) a number without ``+`` is read as dialled in that country.
    Without it, the country code is required.
    """
    if _E164.fullmatch(written):
        return _reading(written)[0]
    text = _plain(written)
    if len(text) > _WRITTEN_MAX or not _WRITTEN.fullmatch(text) or _SECOND_NUMBER.search(text):
        return None
    dot = _LAST_DOT.fullmatch(text)
    if dot is not None:
        number, is_assigned = _read(dot["head"], region)
        is_zero = not dot["tail"].strip("0")
        if _DECIMAL.fullmatch(text):
            return number if is_zero else None
        if number is not None and _is_decimal(dot["head"], dot["tail"], is_assigned):
            return number if is_zero else None
    return _read(text, region)[0]


def full_number(written: str) -> str | None:
    """As ``canonical_number``, for APIs that require ``+``, digits of ASCII and no line end."""
    text = written
    if not written.isascii():
        text = "".join(each for each in written if unicodedata.category(each) != "Cf")
    if len(written) > _RAW_MAX or not text.startswith("+") or _NOT_FULL.search(text):
        return None
    return canonical_number(text)


def is_one_digit_too_long(digits: str) -> bool:
    """True if bare digits, with or without ``+``, exceed the longest numbers of a country by one.

    For a dialect whose own examples do.
    """
    number = f"+{digits.removeprefix('+')}"
    parsed = numbering.parse(number) if is_e164(number) else None
    return parsed is not None and len(parsed[1]) == max(parsed[0].lengths) + 1


def _is_decimal(head: str, tail: str, is_assigned: bool) -> bool:
    """True if the dot between a whole number and ``tail`` is a decimal point.

    Dots also separate the groups of a number, in any length but one.
    """
    is_zero = not tail.strip("0")
    if "." in head:
        return len(tail) < (3 if is_zero else 2) and (is_zero or is_assigned)
    return is_zero or is_assigned


def _plain(written: str) -> str:
    """Drop format characters, and replace digits and separators of all scripts by ASCII."""
    text = written.strip() if len(written) <= _RAW_MAX else written
    if not text.isascii() and len(written) <= _RAW_MAX:
        text = "".join(map(_ascii, text)).strip()
    # Spreadsheets mark text by an apostrophe, and RFC 3966 marks numbers by a scheme.
    return text.removeprefix("'").removeprefix("tel:")


@lru_cache(maxsize=1_000)
def _ascii(character: str) -> str:
    """The ASCII form of a character in a number; empty for a format character."""
    if unicodedata.decomposition(character).startswith("<wide>"):
        character = unicodedata.normalize("NFKC", character)
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return {"Zs": " ", "Pd": "-"}.get(category) or _SEPARATORS.get(character, character)


def _read(text: str, region: str | None) -> tuple[str | None, bool]:
    """The E.164 form of a number in ASCII, and whether a numbering plan assigns it."""
    digits = _NOT_DIGITS.sub("", text)
    if region is not None and "+" not in text:
        number, facts = _derive(numbering.parse(digits, region))
    else:
        number, facts = _reading(f"+{digits if '+' in text else digits.removeprefix('00')}")
    return number, facts.line_type is not None


@text_cache(bytes_max=1024 * 1024, length_max=_WRITTEN_MAX)
def sender_kind(address: str) -> SenderKind | None:
    """The kind of sender that ``address`` is; None if it is no sender."""
    if _E164.fullmatch(address):
        return SenderKind.LONG_CODE
    if _SHORT_CODE.fullmatch(address):
        return SenderKind.SHORT_CODE
    if _ALPHANUMERIC.fullmatch(address):
        return SenderKind.ALPHANUMERIC
    return None


def country_fault(code: str) -> str | None:
    """Why a text is not the ISO 3166 code of a country with a numbering plan; None if it is."""
    if code in SUPPORTED_REGIONS:
        return None
    return "must be an ISO 3166 code of two capital letters, such as GB"


class OfflineLookup:
    """A :class:`campaign.ports.LookupPort` that uses numbering plans only."""

    def look_up(self, number: str) -> NumberFacts:
        """The facts about an E.164 number; the same number always has the same facts."""
        return _reading(number)[1]


@text_cache(bytes_max=NUMBERS_BYTES_MAX, length_max=_WRITTEN_MAX)
def _reading(number: str) -> tuple[str | None, NumberFacts]:
    """The canonical form of a number with ``+``, None if it is impossible, and its facts."""
    canonical, facts = _derive(numbering.parse(number))
    # The same object where possible, so that the cache keeps one text.
    return number if canonical == number else canonical, facts


def _derive(parsed: tuple[numbering.Plan, str] | None) -> tuple[str | None, NumberFacts]:
    if parsed is None:
        return None, _IMPOSSIBLE
    plan, national = parsed
    if not plan.is_possible(national):
        return None, _IMPOSSIBLE
    digits = plan.code + national
    country, kind = plan.origin(national)
    facts = _shared(True, country, LINE_TYPES.get(kind), numbering.network(digits, kind))
    canonical = f"+{digits}"
    return canonical if _E164.fullmatch(canonical) else None, facts
