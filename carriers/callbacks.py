"""Reading the callbacks of carriers: untrusted bodies, and the proof of who calls.

A malformed call raises Refused, whose text never contains a phone number or a message.
"""

import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from campaign.instants import Instant, instant_of, moment_of
from campaign.phone import canonical_number
from campaign.refusals import Refusal, RefusalCode, Refused
from carriers import NotConfigured

TEXT_LENGTH_MAX = 10_000
FIELDS_MAX = 200
# How far the timestamp of a signed call may be from our clock.
TOLERANCE_SECONDS = 300
# Of an inbound text: its id, and its pictures with their addresses.
ID_LENGTH_MAX = 200
MEDIA_MAX = 10
URL_LENGTH_MAX = 2_048
_MEDIA = re.compile(r"https?://[!-~]+")
_ODD = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer that a carrier expects to a callback that was taken."""

    status: int = 202
    media_type: str = "application/json"
    body: bytes = b'{"status":"accepted"}'


EMPTY = Ack(200, "text/plain", b"")


def require(settings: BaseSettings, *members: str) -> None:
    """Raise NotConfigured if one of these settings of a carrier is empty."""
    prefix = settings.model_config.get("env_prefix", "")
    missing = [
        f"{prefix}{member.upper()}" for member in members if not plain(getattr(settings, member))
    ]
    if missing:
        raise NotConfigured(*missing)


def plain(value: object) -> str:
    """The plain value of a setting, secret or not."""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def constant_time_equals(given: str, expected: str) -> bool:
    """Compare a signature or token in constant time; False if none is expected."""
    return bool(expected) and hmac.compare_digest(
        given.encode("utf-8", "replace"), expected.encode()
    )


def is_fresh(timestamp: str, seconds: float = TOLERANCE_SECONDS) -> bool:
    """True if a Unix time in digits is at most ``seconds`` from our clock."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    return abs(time.time() - int(timestamp)) <= seconds


def now() -> Instant:
    """The time of a callback that states none of its own."""
    return time.time_ns() // 1_000_000


def read_object(body: bytes) -> dict[str, Any]:
    """Read a body that is a JSON object; raises Refused."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise malformed() from None
    if not isinstance(said, dict):
        raise malformed()
    return said


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Read the fields of a form in order, with empty ones; raises Refused."""
    try:
        return parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError:
        raise malformed() from None


def text_of(said: Mapping[str, Any], member: str) -> str:
    """Read a member that is a string which a database can store; raises Refused."""
    value = said.get(member)
    if not isinstance(value, str) or len(value) > TEXT_LENGTH_MAX or _ODD.search(value):
        raise malformed(member)
    return value


def text_or_empty(said: Mapping[str, Any], member: str) -> str:
    """As :func:`text_of`, but "" for a member that is missing or null."""
    return "" if said.get(member) is None else text_of(said, member)


def id_of(said: Mapping[str, Any], member: str) -> str | None:
    """Read the carrier's id of a call, a string or a number; None for anything else."""
    value = said.get(member)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= ID_LENGTH_MAX or _ODD.search(value):
        return None
    return value


def media_of(values: object) -> tuple[str, ...]:
    """The addresses of media in a list of addresses, or of objects with a ``url``.

    At most ``MEDIA_MAX``; whatever else the list has is left out.
    """
    found = []
    for value in values if isinstance(values, list) else ():
        url = value.get("url") if isinstance(value, dict) else value
        if isinstance(url, str) and len(url) <= URL_LENGTH_MAX and _MEDIA.fullmatch(url):
            found.append(url)
    return tuple(found[:MEDIA_MAX])


def object_of(said: Mapping[str, Any], member: str) -> dict[str, Any]:
    """Read a member that is an object; raises Refused."""
    value = said.get(member)
    if not isinstance(value, dict):
        raise malformed(member)
    return value


def address_of(said: Mapping[str, Any], member: str) -> str:
    """Read a number, in E.164, or a short code or name, as it is. Raises Refused."""
    address = text_of(said, member).strip()
    return canonical_number(address) or address


def instant_in(said: Mapping[str, Any], member: str) -> Instant:
    """Read a member that is an ISO 8601 time; raises Refused."""
    try:
        instant = instant_of(datetime.fromisoformat(text_of(said, member)))
        moment_of(instant)  # Raises if the time in UTC is outside of the years 1 to 9999.
        return instant
    except (ValueError, OverflowError):
        raise malformed(member) from None


def instant_or_now(said: Mapping[str, Any], member: str) -> Instant:
    """As :func:`instant_in`, but the current time if the member is malformed."""
    try:
        return instant_in(said, member)
    except Refused:
        return now()


def malformed(member: str = "") -> Refused:
    """Make the Refused for a call that does not follow the carrier's protocol."""
    return Refused(
        Refusal(RefusalCode.MALFORMED, "does not follow the protocol of this carrier", member)
    )
