"""What an answer of a carrier says about the message, so about what happens next.

Only what an answer says clearly is called sure; all else is a DoubtfulHandoff.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

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
# Our own misconfiguration is no fault of the recipient: the message waits until it is mended.
OUR_FAULT = frozenset({401, 403, 404, 405, 407})
REQUEST_TIMEOUT = 408
# A carrier of its own says nothing about a message that met its 503, unless its protocol does.
PUT_OFF = {429: "rate_limited", 503: "unavailable"}
# Longer digits could be somebody's number, and codes are logged.
_CODE = re.compile(r"(?!.*[0-9]{7})[a-z0-9_]{1,40}")
_ODD = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, of whatever status; ``headers`` do not mind the case of their names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Tell whether the status is one of 2xx."""
        return 200 <= self.status < 300

    def decoded(self) -> Any:
        """The body as JSON, None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def wait(self) -> float | None:
        """The seconds that the carrier wants to be left alone for, None when it names none."""
        return retry_after(self.headers.get("retry-after"), time.time())


Sort = Callable[[Answer], Any]


def classify(answer: Answer) -> Any:
    """Sort by the plain protocol of our own (docs/adding.md): the JSON of a success, or a failure.

    Raises TemporaryFailure for 429, 503 and what is our configuration, PermanentFailure for the
    other 4xx, DoubtfulHandoff for all else.
    """
    if answer.is_success:
        return read_json(answer)
    decoded = answer.decoded()
    raise failure_of(answer, decoded.get("error") if isinstance(decoded, dict) else None)


def read_json(answer: Answer) -> Any:
    """The JSON of a success; one that cannot be read leaves doubt."""
    _refuse_packed(answer)
    decoded = answer.decoded()
    if decoded is None:
        raise DoubtfulHandoff("answer_unreadable")
    return decoded


def read_text(answer: Answer) -> str:
    """The text of an answer; a packed one leaves doubt and is never unpacked."""
    _refuse_packed(answer)
    return answer.body.decode("utf-8", "replace")


def _refuse_packed(answer: Answer) -> None:
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise DoubtfulHandoff("answer_unreadable")


def failure_of(
    answer: Answer,
    code: object = None,
    our_fault: frozenset[int] = OUR_FAULT,
    put_off: Mapping[int, str] = PUT_OFF,
) -> CarrierFailure:
    """What an answer other than a success means by its status; ``code`` names a refusal."""
    status = answer.status
    if status in put_off:
        return TemporaryFailure(put_off[status], answer.wait())
    if status in our_fault:
        return TemporaryFailure("carrier_configuration")
    if 400 <= status < 500 and status != REQUEST_TIMEOUT:
        return PermanentFailure(plain_code(code) or f"http_{status}")
    # A redirect is not followed, and a 408 or 5xx may come after the message was taken.
    return DoubtfulHandoff(f"http_{status}")


def plain_code(code: object) -> str | None:
    """A code that may be shown and logged, None for whatever could be more than a code."""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How one carrier refuses: where its answers have the code, and what its codes mean to us.

    ``words`` are refusals for good, ``ours`` are codes of something that we have to mend (our
    account, our sender, our money), and ``busy`` of something that passes. They count in 4xx
    answers only; a 5xx, 503 too, may come after the message was taken, and leaves doubt.
    """

    code_of: Callable[[Any], object]
    words: Mapping[str, str] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()
    busy: frozenset[str] = frozenset()

    def sort(self, answer: Answer) -> Any:
        """The JSON of a success; raises what the carrier's code or the status means."""
        if answer.is_success:
            return read_json(answer)
        code = plain_code(self.code_of(answer.decoded()))
        if code is not None and 400 <= answer.status < 500 and answer.status != REQUEST_TIMEOUT:
            if code in self.words:
                raise PermanentFailure(self.words[code])
            if code in self.ours:
                raise TemporaryFailure("carrier_configuration", answer.wait())
            if code in self.busy:
                raise TemporaryFailure("rate_limited", answer.wait())
        named = f"carrier_{code}" if code is not None and len(code) <= 30 else None
        raise failure_of(answer, named, OUR_FAULT | {402}, {429: "rate_limited"})

    def word(self, code: object) -> str:
        """What a receipt's code is called here; one that says nothing is ``undelivered``."""
        plain = plain_code(code)
        if plain is None or plain == "0":
            return "undelivered"
        return self.words.get(plain, f"carrier_{plain[:30]}")


def acceptance(carrier_id: object) -> Acceptance:
    """An acceptance by the carrier's id; without a sound id there is doubt."""
    if (
        not isinstance(carrier_id, str)
        or not 0 < len(carrier_id) <= CARRIER_ID_LENGTH_MAX
        or _ODD.search(carrier_id)
    ):
        raise DoubtfulHandoff("answer_unreadable")
    return Acceptance(carrier_id)


@contextmanager
def looking_up() -> Iterator[None]:
    """Make whatever goes wrong with a question a TemporaryFailure: it gave no answer, no more."""
    try:
        yield
    except CarrierFailure as failure:
        wait = failure.retry_after if isinstance(failure, TemporaryFailure) else None
        raise TemporaryFailure(failure.code, wait) from None


def retry_after(
    value: str | None, now: float, seconds_max: float = RETRY_AFTER_SECONDS_MAX
) -> float | None:
    """Read a Retry-After header as seconds from ``now`` (RFC 9110, 10.2.3).

    At most ``seconds_max``, however much is asked for; None if unreadable.
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
