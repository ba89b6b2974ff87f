"""Reading a carrier's news: bodies that nobody vouches for, and settings that say who may speak.

Whatever cannot be read raises Refused, whose text never has a number or a message in it.
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
from campaign.refusals import Refusal, RefusalCode, Refused
from carriers import NotConfigured

TEXT_LENGTH_MAX = 10_000
FIELDS_MAX = 200
# How far a signed call's clock may be from ours.
TOLERANCE_SECONDS = 300
_ODD = re.compile(r"[\x00\ud800-\udfff]")
_DIGITS = re.compile(r"[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class Ack:
    """How a carrier wants its news to be answered once they are taken."""

    status: int = 202
    media_type: str = "application/json"
    body: bytes = b'{"status":"accepted"}'


EMPTY = Ack(200, "text/plain", b"")


def require(settings: BaseSettings, *members: str) -> None:
    """Raise NotConfigured for what is empty of a carrier's settings."""
    prefix = settings.model_config.get("env_prefix", "")
    missing = [
        f"{prefix}{member.upper()}" for member in members if not plain(getattr(settings, member))
    ]
    if missing:
        raise NotConfigured(*missing)


def plain(value: object) -> str:
    """A setting as it is to be used, secret or not."""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def constant_time_equals(given: str, expected: str) -> bool:
    """Compare a proof in constant time; nothing proves anything where nothing is expected."""
    return bool(expected) and hmac.compare_digest(
        given.encode("utf-8", "replace"), expected.encode()
    )


def is_fresh(timestamp: str, seconds: float = TOLERANCE_SECONDS) -> bool:
    """Tell whether a Unix time in digits is close enough to ours."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    return abs(time.time() - int(timestamp)) <= seconds


def now() -> Instant:
    """When news came that do not say when they happened."""
    return time.time_ns() // 1_000_000


def read_object(body: bytes) -> dict[str, Any]:
    """A body that is one JSON object; raises Refused."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise malformed() from None
    if not isinstance(said, dict):
        raise malformed()
    return said


def read_form(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form in their order, empty ones too; raises Refused."""
    try:
        return parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError:
        raise malformed() from None


def text_of(said: Mapping[str, Any], member: str) -> str:
    """A member that is a text which a database takes; raises Refused."""
    value = said.get(member)
    if not isinstance(value, str) or len(value) > TEXT_LENGTH_MAX or _ODD.search(value):
        raise malformed(member)
    return value


def object_of(said: Mapping[str, Any], member: str) -> dict[str, Any]:
    """A member that is an object; raises Refused."""
    value = said.get(member)
    if not isinstance(value, dict):
        raise malformed(member)
    return value


def address_of(said: Mapping[str, Any], member: str) -> str:
    """A number or a short code; the plus that a carrier leaves out is put before a number."""
    address = text_of(said, member).strip()
    return f"+{address}" if _DIGITS.fullmatch(address) else address


def instant_in(said: Mapping[str, Any], member: str) -> Instant:
    """A member that is an ISO 8601 instant; raises Refused."""
    try:
        instant = instant_of(datetime.fromisoformat(text_of(said, member)))
        moment_of(instant)  # Shown as UTC it must still be in the years 1-9999.
        return instant
    except (ValueError, OverflowError):
        raise malformed(member) from None


def instant_or_now(said: Mapping[str, Any], member: str) -> Instant:
    """As :func:`instant_in`, but never a reason to turn news away."""
    try:
        return instant_in(said, member)
    except Refused:
        return now()


def malformed(member: str = "") -> Refused:
    """What is raised for a call that is not as the carrier's protocol has it."""
    return Refused(Refusal(RefusalCode.MALFORMED, "not as this carrier's protocol has it", member))
