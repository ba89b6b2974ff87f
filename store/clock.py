"""The clocks of what runs outside of Temporal: the store's for decisions, this host's for notes."""

import threading
import time

from sqlalchemy import Connection, text

from campaign.failures import StoreUnavailable
from campaign.instants import SECOND, Instant
from store.database.engine import Database

# So often the store is asked for its time; in between, this process counts on from the answer.
MEASURED_EVERY: Instant = 10 * SECOND
# The machine slept, or its clock was set, if both of its clocks disagree by more than this.
STEP_MIN: Instant = SECOND

_NOW = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)")


def wall_clock() -> Instant:
    """The time of this host. Activities use ``activities.clock``, workflows ``workflow.now``."""
    return time.time_ns() // 1_000_000


def now_of(connection: Connection) -> Instant:
    """The store's own time, by which it writes instants: inside the caller's transaction."""
    if connection.dialect.name == "sqlite":
        return wall_clock()
    return int(connection.execute(_NOW).scalar_one())


class StoreClock:
    """The time by which nonces, keys and schedules are decided, whatever this host's clock says.

    PostgreSQL's clock, so that all API processes share one; with SQLite, the machine's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        # When it was measured by the store, by this host, and by what only counts on.
        self._measured: tuple[Instant, Instant, float] | None = None

    def now(self) -> Instant:
        """The present instant; asks the store now and then, so call it in a thread.

        Raises StoreUnavailable if the store never answered; later, the last answer counts on.
        """
        if self._database.is_sqlite:
            return wall_clock()
        with self._lock:
            measured = self._measured
            if measured is None or self._is_stale(measured):
                try:
                    measured = self._measure()
                except StoreUnavailable:
                    if measured is None:
                        raise
            return measured[0] + _since(measured[2])

    def ahead(self) -> Instant:
        """How far this host's clock is ahead of the store's, in milliseconds; 0 with SQLite."""
        return 0 if self._database.is_sqlite else wall_clock() - self.now()

    def _is_stale(self, measured: tuple[Instant, Instant, float]) -> bool:
        elapsed = _since(measured[2])
        stepped = abs(wall_clock() - measured[1] - elapsed) > STEP_MIN
        return elapsed > MEASURED_EVERY or stepped

    def _measure(self) -> tuple[Instant, Instant, float]:
        at_store = self._database.read(
            lambda connection: int(connection.execute(_NOW).scalar_one())
        )
        self._measured = (at_store, wall_clock(), time.monotonic())
        return self._measured


def _since(monotonic: float) -> Instant:
    return round((time.monotonic() - monotonic) * 1_000)
