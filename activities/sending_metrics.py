"""What sending counts for Prometheus; docs/metrics.md has every metric."""

import re
from functools import cache

from prometheus_client import Counter

from campaign.explaining import REASONS
from campaign.ports import ClaimResult
from campaign.retry import MAY_PASS
from campaign.states import MessageStatus
from telemetry.metrics import MESSAGES, RATE_WAITS, SEGMENTS_GRANTED

# The words that carriers' codes are translated to (carriers/*.py).
_CARRIER_WORDS = frozenset(
    "cancelled carrier_error country_not_enabled filtered invalid_params media_invalid "
    "media_not_supported media_too_large not_allowed not_mobile not_routable not_supported "
    "rejected temporary_failure text_invalid text_missing text_too_long too_many_pages "
    "undelivered unexpected unreachable".split()
)
WORDS = frozenset(REASONS) | MAY_PASS | _CARRIER_WORDS
_STATUS = re.compile(r"http_([1-5])[0-9]{2}")


def reason_label(code: str | None) -> str:
    """One of a bounded set of words for the code of an outcome: a carrier's own code may be any."""
    if code is None or code in WORDS:
        return code or ""
    if status := _STATUS.fullmatch(code):
        return f"http_{status[1]}xx"
    return "carrier_code" if code.startswith("carrier_") else "other"


def count_outcome(status: MessageStatus, carrier: str, code: str | None) -> None:
    """Count the result of one attempt."""
    _results(status, carrier, reason_label(code)).inc()


def count_given_up(status: MessageStatus, messages: int) -> None:
    """Count messages that ended without an attempt."""
    if messages:
        _results(status, "", "").inc(messages)


def count_claim(result: ClaimResult) -> None:
    """Count what one claim let leave, skipped, and left waiting."""
    segments: dict[str, int] = {}
    for handoff in result.claimed:
        segments[handoff.carrier] = segments.get(handoff.carrier, 0) + handoff.segments
    for carrier, count in segments.items():
        SEGMENTS_GRANTED.labels(carrier).inc(count)
    count_given_up(MessageStatus.SKIPPED, result.skipped)
    if result.waits_for is not None:
        RATE_WAITS.labels(result.waits_for.partition(":")[0]).inc()


@cache
def _results(status: MessageStatus, carrier: str, reason: str) -> Counter:
    return MESSAGES.labels(status.value, carrier, reason)
