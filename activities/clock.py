"""The time that activities go by: Temporal's, not the worker's."""

import time

from temporalio import activity

from campaign.instants import MINUTE, Instant, instant_of

# Linux counts the time in which a machine was suspended on this clock alone.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
# An activity that begins this much later than its server says was delivered late; more than that
# is another time at the server. What was learned holds for as long.
LATE_MAX: Instant = MINUTE


def _elapsed() -> Instant:
    return time.clock_gettime_ns(_CLOCK) // 1_000_000


class Clock:
    """The server's clock as it stood at the start of one activity attempt, and carried on."""

    def __init__(self, ahead: Instant) -> None:
        self._ahead = ahead

    def now(self) -> Instant:
        """The present instant."""
        return self._ahead + _elapsed()


class Clocks:
    """Sets clocks by what the server says about when an activity attempt started.

    A worker whose own clock is minutes off still keeps schedules and 48-hour keys right, and
    on a time-skipping server the activities share the workflow's time. Between that instant and
    the activity's first line lies the delivery, and a worker that was frozen then would go slow,
    and believe that it still has leases: what earlier activities taught it prevents that.
    """

    def __init__(self) -> None:
        self._ahead: Instant | None = None
        self._learned_at: Instant = 0

    def clock(self) -> Clock:
        """The clock of the running activity attempt."""
        elapsed = _elapsed()
        return Clock(self.learn(instant_of(activity.info().started_time) - elapsed, elapsed))

    def learn(self, ahead: Instant, elapsed: Instant) -> Instant:
        """Return by how much the server is ahead of ``elapsed``, given what one attempt says."""
        known = self._ahead
        late = 0 if known is None else known - ahead
        if known is None or late <= 0 or max(late, elapsed - self._learned_at) > LATE_MAX:
            self._ahead, self._learned_at = ahead, elapsed
            return ahead
        return known


def now() -> Instant:
    """The instant at which the running activity attempt started."""
    return instant_of(activity.info().started_time)
