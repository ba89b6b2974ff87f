"""The time zones in which the owner of a phone number may be."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from phonenumbers import is_number_type_geographical
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from campaign import numbering
from campaign.text_cache import text_cache

_NAME_LENGTH_MAX = 64


@text_cache(bytes_max=512 * 1024, length_max=16)
def possible_zones(number: str) -> tuple[str, ...]:
    """The IANA names of every zone that an E.164 number may be in, by libphonenumber's data.

    A number that is tied to an area has the zones of its prefix. Any other one has all zones of its
    country code, and so has one that no numbering plan assigns. Empty if nothing is known.
    """
    parsed = numbering.parse(number)
    if parsed is None:
        return ()
    plan, national = parsed
    _, kind = plan.origin(national)
    if not is_number_type_geographical(kind, int(plan.code)):
        return TIMEZONE_DATA.get(plan.code, ())
    digits = plan.code + national
    for length in range(TIMEZONE_LONGEST_PREFIX, 0, -1):
        zones = TIMEZONE_DATA.get(digits[:length])
        if zones is not None:
            return zones
    return ()


@lru_cache(maxsize=600)
def zone_of(name: str) -> ZoneInfo:
    """The zone with an IANA name; raises ValueError if there is none."""
    try:
        if len(name) > _NAME_LENGTH_MAX:
            raise ValueError
        return ZoneInfo(name)
    # A name of a folder, or one with other characters than a file name has.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be the IANA name of a time zone, such as Europe/Paris") from None


def is_time_zone(name: str) -> bool:
    """True if there is a time zone with this IANA name."""
    try:
        zone_of(name)
    except ValueError:
        return False
    return True
