"""When a message is retried, and which failed messages can be."""

import re

from campaign.instants import SECOND, Instant

RETRY_AFTER_MAX: Instant = 3600 * SECOND
# A request was cut off, and the carrier, asked after its deadline, has not accepted the message.
NOT_ACCEPTED = "not_accepted"
# The carrier was busy, unavailable or misconfigured, or a look-up showed that it did not take the
# message: codes of a TemporaryFailure, and of a DoubtfulHandoff that was cleared up.
MAY_PASS = frozenset(
    "rate_limited unavailable carrier_configuration carrier_removed no_connection not_started "
    "not_accepted timeout interrupted connection_lost answer_unreadable answer_too_large".split()
)
# Our words by which a carrier says that a number reaches nobody and never will. "unreachable" and
# "not_routable" are not among them: a phone may be off, and a route may be missing.
DEAD_NUMBER = frozenset({"invalid_number"})
# Statuses that refuse nothing for good; every other 4xx does.
_UNCLEAR_STATUS = re.compile(r"http_(408|[1-35-9][0-9]{2})")


def may_pass(code: str | None) -> bool:
    """True if a message that failed with ``code`` can be sent later.

    False for refusals for good (an invalid number, a rejected text, an operator's decision) and for
    unknown codes.
    """
    return code is not None and (code in MAY_PASS or bool(_UNCLEAR_STATUS.fullmatch(code)))


def next_try_at(
    now: Instant, attempt: int, backoff_seconds: tuple[float, ...], retry_after: float | None
) -> Instant | None:
    """When attempt number ``attempt + 1`` is due, or None if the retries are used up.

    ``backoff_seconds[n]`` is the wait after attempt ``n + 1``; its length is therefore the
    number of retries. A carrier's ``retry_after`` (seconds) lengthens the wait, never shortens
    it, and counts for at most one hour, so that an absurd header cannot park a message. NaN and
    values up to zero are ignored.
    """
    if attempt > len(backoff_seconds):
        return None
    wait = round(backoff_seconds[attempt - 1] * SECOND)
    if retry_after is not None and retry_after > 0:
        wait = max(wait, round(min(retry_after * SECOND, RETRY_AFTER_MAX)))
    return now + wait
