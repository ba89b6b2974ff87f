"""Phone numbers and senders: their forms, and what numbering plans say of a number."""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from phonenumbers import PhoneNumberType

from campaign import numbering
from campaign.ports import NumberFacts
from campaign.text_cache import text_cache

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# Characters that people write numbers with; any other makes it no number.
_WRITTEN = re.compile(r"(?:\+|00)?[\d ().\-/\u00a0\u2010-\u2013]{7,40}")
_WRITTEN_MAX = 42
# About 20,000 numbers.
NUMBERS_BYTES_MAX = 8 * 1024 * 1024
_NOT_DIGITS = re.compile(r"\D+")
# No zero where a trunk digit could be, and no other trunk digit.
_NO_TRUNK = re.compile(r"(?!11|78)[1-9][1-9]{3}[0-9]{3,11}")
_CANONICAL = re.compile(rf"\+{_NO_TRUNK.pattern}")
_SHORT_CODE = re.compile(r"[0-9]{5,6}")
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")

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


def canonical_number(written: str) -> str | None:
    """Convert a number as people write it to E.164; None if it is no number.

    ``+44 (0)7900 000001``, ``00447900000001``, ``447900000001`` and full-width digits all become
    ``+447900000001``, so that an opt-out holds for every way to write a number. The country code is
    required. Canonical numbers stay unchanged; whether a number can exist is not checked.
    """
    if _CANONICAL.fullmatch(written):
        return written
    text = written.strip()
    # Checked before anything slower: NFKC never shortens the characters of a number.
    if len(text) > _WRITTEN_MAX:
        return None
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).strip()
    if _WRITTEN.fullmatch(text) is None:
        return None
    digits = _NOT_DIGITS.sub("", text)
    if not digits.isascii():
        digits = "".join(str(int(digit)) for digit in digits)
    digits = digits.removeprefix("00")
    number = digits if _NO_TRUNK.fullmatch(digits) else _without_trunk(digits)
    return f"+{number}" if is_e164(f"+{number}") else None


@text_cache(bytes_max=NUMBERS_BYTES_MAX, length_max=_WRITTEN_MAX)
def _without_trunk(digits: str) -> str:
    """Remove the trunk digit, which is dialled only inside a country."""
    parsed = numbering.parse(f"+{digits}")
    if parsed is None:
        return digits
    plan, national = parsed
    return plan.code + national if plan.is_possible(national) else digits


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


class OfflineLookup:
    """A :class:`campaign.ports.LookupPort` that uses numbering plans only."""

    def look_up(self, number: str) -> NumberFacts:
        """The facts about an E.164 number; the same number always has the same facts."""
        return _facts(number)


@text_cache(bytes_max=NUMBERS_BYTES_MAX, length_max=_WRITTEN_MAX)
def _facts(number: str) -> NumberFacts:
    parsed = numbering.parse(number)
    if parsed is None:
        return _IMPOSSIBLE
    plan, national = parsed
    if not plan.is_possible(national):
        return _IMPOSSIBLE
    country, kind = plan.origin(national)
    network = numbering.network(plan.code + national, kind)
    return _shared(True, country, LINE_TYPES.get(kind), network)
