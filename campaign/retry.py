"""When a message that the carrier put off is tried again."""

from campaign.instants import SECOND, Instant

RETRY_AFTER_MAX: Instant = 3600 * SECOND


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
