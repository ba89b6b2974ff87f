"""Classify a carrier's answer: accepted, refused for good, retryable, or in doubt.

An answer that does not clearly say whether the message was taken is a DoubtfulHandoff.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from pydantic_core import from_json

from campaign.failures import (
    CarrierFailure,
    DoubtfulHandoff,
    PermanentFailure,
    TemporaryFailure,
)
from campaign.handoffs import Acceptance
from campaign.instants import SECOND
from campaign.retry import RETRY_AFTER_MAX

RETRY_AFTER_SECONDS_MAX = RETRY_AFTER_MAX / SECOND
CARRIER_ID_LENGTH_MAX = 200
# Our configuration is at fault, not the recipient: the message waits until that is corrected.
OUR_FAULT = frozenset({401, 403, 404, 405, 407})
REQUEST_TIMEOUT = 408
# Statuses by which a carrier says that the message was not taken and may be sent later.
PUT_OFF = {429: "rate_limited", 503: "unavailable"}
# Seven digits or more could be a phone number, and codes are logged.
_CODE = re.compile(r"(?!.*[0-9]{7})[a-z0-9_]{1,40}")
_ODD = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of any status; names in ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """True if the status is 2xx."""
        return 200 <= self.status < 300

    def decoded(self) -> Any:
        """The body as JSON, None if it is not JSON."""
        try:
            return from_json(self.body)
        except ValueError:
            pass  # It may have half of an emoji, or be UTF-16, which only the slower reader takes.
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def wait(self) -> float | None:
        """The seconds of the Retry-After header, None without one."""
        return retry_after(self.headers.get("retry-after"), time.time())


Sort = Callable[[Answer], Any]


def classify(answer: Answer) -> Any:
    """Classify an answer of our own plain protocol (docs/adding.md); returns the JSON of a success.

    Raises TemporaryFailure for 429, 503 and our own misconfiguration, PermanentFailure for the
    other 4xx, DoubtfulHandoff for everything else.
    """
    if answer.is_success:
        return read_json(answer)
    decoded = answer.decoded()
    raise failure_of(answer, decoded.get("error") if isinstance(decoded, dict) else None)


def read_json(answer: Answer) -> Any:
    """The JSON of a success; raises DoubtfulHandoff if it cannot be read."""
    _refuse_compressed(answer)
    decoded = answer.decoded()
    if decoded is None:
        raise DoubtfulHandoff("answer_unreadable")
    return decoded


def read_text(answer: Answer) -> str:
    """The text of an answer; raises DoubtfulHandoff for a compressed one, which is not unpacked."""
    _refuse_compressed(answer)
    return answer.body.decode("utf-8", "replace")


def _refuse_compressed(answer: Answer) -> None:
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise DoubtfulHandoff("answer_unreadable")


def failure_of(
    answer: Answer,
    code: object = None,
    our_fault: frozenset[int] = OUR_FAULT,
    put_off: Mapping[int, str] = PUT_OFF,
) -> CarrierFailure:
    """The failure that the status of an answer means; ``code`` names a refusal for good."""
    status = answer.status
    if status in put_off:
        return TemporaryFailure(put_off[status], answer.wait())
    if status in our_fault:
        return TemporaryFailure("carrier_configuration")
    if 400 <= status < 500 and status != REQUEST_TIMEOUT:
        return PermanentFailure(plain_code(code) or f"http_{status}")
    # Redirects are not followed; a 408 or 5xx may come after the message was taken.
    return DoubtfulHandoff(f"http_{status}")


def plain_code(code: object) -> str | None:
    """A code that may be shown and logged, None for anything that could hold personal data."""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def by_word(**codes: str) -> dict[str, str]:
    """Map each code of a carrier to our word, from one argument of codes for each word."""
    return {code: word for word, some in codes.items() for code in some.split()}


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The codes by which one carrier refuses a request, and those of its receipts.

    ``code_of`` finds the code in a decoded answer. ``refusals`` maps codes of refusals for good to
    our words, ``ours`` are codes of something that the operator must correct (account, sender,
    money), and ``busy`` of something temporary. These codes count in 4xx answers only: a 5xx, 503
    included, may come after the message was taken, and is a DoubtfulHandoff. ``receipts`` maps the
    codes of undelivered messages.
    """

    code_of: Callable[[Any], object]
    refusals: Mapping[str, str] = field(default_factory=dict)
    receipts: Mapping[str, str] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()
    busy: frozenset[str] = frozenset()

    def sort(self, answer: Answer) -> Any:
        """The JSON of a success; raises the CarrierFailure of the carrier's code or the status."""
        if answer.is_success:
            return read_json(answer)
        code = plain_code(self.code_of(answer.decoded()))
        if code is not None and 400 <= answer.status < 500 and answer.status != REQUEST_TIMEOUT:
            if code in self.refusals:
                raise PermanentFailure(self.refusals[code])
            if code in self.ours:
                raise TemporaryFailure("carrier_configuration", answer.wait())
            if code in self.busy:
                raise TemporaryFailure("rate_limited", answer.wait())
        named = f"carrier_{code}" if code is not None and len(code) <= 30 else None
        raise failure_of(answer, named, OUR_FAULT | {402}, {429: "rate_limited"})

    def word(self, code: object) -> str:
        """Our word for the code of a receipt; ``undelivered`` if it has none."""
        plain = plain_code(code)
        if plain is None or plain == "0":
            return "undelivered"
        return self.receipts.get(plain, f"carrier_{plain[:30]}")


def acceptance(carrier_id: object) -> Acceptance:
    """Make an acceptance of the carrier's id; raises DoubtfulHandoff if the id is invalid."""
    if (
        not isinstance(carrier_id, str)
        or not 0 < len(carrier_id) <= CARRIER_ID_LENGTH_MAX
        or _ODD.search(carrier_id)
    ):
        raise DoubtfulHandoff("answer_unreadable")
    return Acceptance(carrier_id)


@contextmanager
def looking_up() -> Iterator[None]:
    """Make every failure of a look-up a TemporaryFailure: it says nothing about the message."""
    try:
        yield
    except CarrierFailure as failure:
        wait = failure.retry_after if isinstance(failure, TemporaryFailure) else None
        raise TemporaryFailure(failure.code, wait) from None


def retry_after(
    value: str | None, now: float, seconds_max: float = RETRY_AFTER_SECONDS_MAX
) -> float | None:
    """Read a Retry-After header as seconds from ``now`` (RFC 9110, 10.2.3).

    At most ``seconds_max``; None if the header is unreadable.
    """
    if value is None:
        return None
    digits = value.strip()
    try:
        if digits.isascii() and digits.isdigit():
            seconds = float(digits)
        else:
            seconds = parsedate_to_datetime(value).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), seconds_max)
