"""The time that activities go by: Temporal's, not the worker's."""

import time

from temporalio import activity

from campaign.instants import Instant, instant_of


class Clock:
    """A clock set by the server at the start of an activity attempt and carried on from there.

    A worker whose own clock is minutes off still keeps schedules and 48-hour keys right, and
    on a time-skipping server the activities share the workflow's time.
    """

    def __init__(self) -> None:
        self._start: Instant = instant_of(activity.info().started_time)
        self._since = time.monotonic()

    def now(self) -> Instant:
        """The present instant."""
        return self._start + round((time.monotonic() - self._since) * 1000)


def now() -> Instant:
    """The instant at which the running activity attempt started."""
    return instant_of(activity.info().started_time)
