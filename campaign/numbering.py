"""Numbering plans: the data of phonenumbers, compiled into one plan per country code.

The library's own functions find the region and try every pattern again for each question. Only its
public names are used here, in its order of asking (docs/decisions/0028-numbering-plans.md).
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    PhoneMetadata,
    PhoneNumberDesc,
    PhoneNumberType,
)
from phonenumbers.carrierdata import CARRIER_DATA

_PLAIN = re.compile(r"\+[1-9][0-9]{6,14}")
_CODE_LENGTH_MAX = 3
_ALLOTTED = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.PAGER)
_Check = Callable[[str], object]
_Kinds = dict[int, tuple[_Check, list[tuple[_Check, int]]]]


@dataclass(frozen=True, slots=True)
class _Region:
    """One country of a plan: its leading digits, and its patterns by length."""

    name: str
    begins: _Check | None
    kinds: _Kinds

    def kind(self, national: str) -> int:
        """The PhoneNumberType of a national number; UNKNOWN if it is not in this region."""
        of_length = self.kinds.get(len(national))
        if of_length is not None and of_length[0](national):
            for is_such, kind in of_length[1]:
                if is_such(national):
                    return kind
        return PhoneNumberType.UNKNOWN


@dataclass(frozen=True, slots=True)
class Plan:
    """The numbering plan of one country code, which several countries may share."""

    code: str
    has_trunk: _Check | None
    lengths: frozenset[int]
    regions: tuple[_Region, ...]

    def is_possible(self, national: str) -> bool:
        """True if a national number has a possible length that is not only dialled locally."""
        return len(national) in self.lengths

    def origin(self, national: str) -> tuple[str | None, int]:
        """The country of a national number, None if no country has it, and its PhoneNumberType."""
        if len(self.regions) == 1:
            region = self.regions[0]
            return region.name, region.kind(national)
        for region in self.regions:
            if region.begins is not None:
                if region.begins(national):
                    return region.name, region.kind(national)
            elif (kind := region.kind(national)) != PhoneNumberType.UNKNOWN:
                return region.name, kind
        return None, PhoneNumberType.UNKNOWN


def parse(number: str, region: str | None = None) -> tuple[Plan, str] | None:
    """The plan and the national number of a number with ``+``; None if it is no number.

    With ``region``, of a number as it is dialled in that country.
    """
    if _PLAIN.fullmatch(number):
        plan = _plan_of(number[1 : 1 + _CODE_LENGTH_MAX])
        if plan is None:
            return None
        national = number[1 + len(plan.code) :]
        # Without a trunk digit the rest is the national number.
        if plan.has_trunk is None or not plan.has_trunk(national):
            return plan, national
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    plan = _plan_of(str(parsed.country_code))
    return None if plan is None else (plan, phonenumbers.national_significant_number(parsed))


def network(digits: str, kind: int) -> str | None:
    """The network that the first digits, country code included, are allotted to."""
    if kind not in _ALLOTTED:
        return None
    for length in _allotments().get(digits[:_CODE_LENGTH_MAX], ()):
        names = CARRIER_DATA.get(digits[:length])
        if names is not None and "en" in names:
            return names["en"] or None
    return None


@cache
def _allotments() -> dict[str, list[int]]:
    """The lengths of allotted prefixes, longest first, by their first three digits."""
    lengths = defaultdict(set)
    for prefix in CARRIER_DATA:
        lengths[prefix[:_CODE_LENGTH_MAX]].add(len(prefix))
    return {lead: sorted(found, reverse=True) for lead, found in lengths.items()}


@lru_cache(maxsize=1_000)
def _plan_of(lead: str) -> Plan | None:
    """The plan of the country code that these digits start with."""
    for length in range(1, len(lead) + 1):
        code = int(lead[:length])
        names = COUNTRY_CODE_TO_REGION_CODE.get(code)
        if names is not None:
            break
    else:
        return None
    main = PhoneMetadata.metadata_for_region_or_calling_code(code, names[0])
    assert main is not None and main.general_desc is not None
    trunk, general = main.national_prefix_for_parsing, main.general_desc
    return Plan(
        code=str(code),
        has_trunk=re.compile(trunk).match if trunk else None,
        lengths=frozenset(general.possible_length),
        regions=tuple(_regions(code, names)),
    )


def _regions(code: int, names: tuple[str, ...]) -> Iterator[_Region]:
    for name in names:
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, name)
        if metadata is not None:
            leading = metadata.leading_digits
            begins = None if leading is None else re.compile(leading).match
            yield _Region(name, begins, _kinds(metadata))


def _kinds(metadata: PhoneMetadata) -> _Kinds:
    """By length: the check of all numbers, and the checks of the types in the library's order."""
    general = metadata.general_desc
    assert general is not None
    return {
        length: (all_numbers, list(_checks(metadata, length)))
        for length in general.possible_length
        if (all_numbers := _check(general, length)) is not None
    }


def _checks(metadata: PhoneMetadata, length: int) -> Iterator[tuple[_Check, int]]:
    kinds = PhoneNumberType
    for desc, kind in (
        (metadata.premium_rate, kinds.PREMIUM_RATE),
        (metadata.toll_free, kinds.TOLL_FREE),
        (metadata.shared_cost, kinds.SHARED_COST),
        (metadata.voip, kinds.VOIP),
        (metadata.personal_number, kinds.PERSONAL_NUMBER),
        (metadata.pager, kinds.PAGER),
        (metadata.uan, kinds.UAN),
        (metadata.voicemail, kinds.VOICEMAIL),
    ):
        if (check := _check(desc, length)) is not None:
            yield check, kind
    fixed, mobile = _check(metadata.fixed_line, length), _check(metadata.mobile, length)
    if metadata.same_mobile_and_fixed_line_pattern:
        if fixed is not None:
            yield fixed, kinds.FIXED_LINE_OR_MOBILE
        return
    if fixed is not None and mobile is not None:
        yield lambda national: fixed(national) and mobile(national), kinds.FIXED_LINE_OR_MOBILE
    if fixed is not None:
        yield fixed, kinds.FIXED_LINE
    if mobile is not None:
        yield mobile, kinds.MOBILE


def _check(desc: PhoneNumberDesc | None, length: int) -> _Check | None:
    if desc is None or not desc.national_number_pattern or length not in desc.possible_length:
        return None
    return re.compile(desc.national_number_pattern).fullmatch
