"""When a message that the carrier put off is tried again, and which that failed may be."""

import re

from campaign.instants import SECOND, Instant

RETRY_AFTER_MAX: Instant = 3600 * SECOND
# The carrier was busy, away or badly configured, or never had what it did not answer: the codes
# of a TemporaryFailure, and of a doubt that was cleared by asking.
MAY_PASS = frozenset(
    "rate_limited unavailable carrier_configuration carrier_removed no_connection not_started "
    "timeout interrupted connection_lost answer_unreadable answer_too_large".split()
)
# A status that is no clear no; every other 4xx is one.
_UNCLEAR_STATUS = re.compile(r"http_(408|[1-35-9][0-9]{2})")


def may_pass(code: str | None) -> bool:
    """Tell whether a message that failed with ``code`` may go another time.

    A no for good (a bad number, an unwanted text, an operator's word) does not pass, nor does a
    code that is not known to.
    """
    return code is not None and (code in MAY_PASS or bool(_UNCLEAR_STATUS.fullmatch(code)))


def next_try_at(
    now: Instant, attempt: int, backoff_seconds: tuple[float, ...], retry_after: float | None
) -> Instant | None:
    """When attempt number ``attempt + 1`` is due, or None when the tries are used up.

    ``backoff_seconds[n]`` is the wait after attempt ``n + 1``; its length is therefore the
    number of retries. A carrier's ``retry_after`` (seconds) lengthens the wait, never shortens
    it, and is held to one hour so that a mad header cannot park a message for ever; what is no
    number or not above zero is no wish.
    """
    if attempt > len(backoff_seconds):
        return None
    wait = round(backoff_seconds[attempt - 1] * SECOND)
    if retry_after is not None and retry_after > 0:
        wait = max(wait, round(min(retry_after * SECOND, RETRY_AFTER_MAX)))
    return now + wait
