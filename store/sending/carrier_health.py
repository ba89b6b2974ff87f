"""Which carriers are down, shared by all workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, text, update
from sqlmodel import col

from campaign.instants import SECOND, Instant
from store.database.engine import Database
from store.shared.cache import Cache
from store.tables import CarrierState

# How long a process may not know that another one found a carrier down, or up again.
CACHE_TTL: Instant = SECOND // 4
PROBE_EVERY: Instant = SECOND

_IS_DOWN = col(CarrierState.down_since).is_not(None)
_TRIP = text("""
    INSERT INTO carrier_state (name, down_since, probe_at, reason)
    VALUES (:name, :now, :probe_at, :reason)
    ON CONFLICT (name) DO UPDATE SET
        down_since = COALESCE(carrier_state.down_since, excluded.down_since),
        probe_at = excluded.probe_at,
        reason = excluded.reason
    WHERE carrier_state.down_since IS NULL OR carrier_state.probe_at < excluded.probe_at
""")


@dataclass(frozen=True, slots=True)
class CarrierHealth:
    """A carrier, since when it is down (None while it is up), and its latest failure."""

    name: str
    down_since: Instant | None
    reason: str | None


class Health:
    """The :class:`campaign.ports.HealthStore` of both databases."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._down: Cache[None, Mapping[str, Instant]] = Cache(CACHE_TTL, size_max=1)

    def trip(self, carrier: str, reason: str, now: Instant, probe_at: Instant) -> None:
        """See :class:`campaign.ports.HealthStore`."""
        values = {"name": carrier, "now": now, "probe_at": probe_at, "reason": reason}
        self._database.write(lambda connection: connection.execute(_TRIP, values))
        self._down.clear()

    def restore(self, carrier: str) -> None:
        """See :class:`campaign.ports.HealthStore`."""
        statement = (
            update(CarrierState)
            .where(col(CarrierState.name) == carrier, _IS_DOWN)
            .values(down_since=None)
        )
        self._database.write(lambda connection: connection.execute(statement))
        self._down.clear()

    def may_probe(self, carrier: str, now: Instant) -> bool:
        """See :class:`campaign.ports.HealthStore`."""

        def work(connection: Connection) -> bool:
            self._down.clear()
            return carrier not in self.down(connection, now) or self.probe(connection, carrier, now)

        return self._database.write(work)

    def list(self) -> Sequence[CarrierHealth]:
        """Return every carrier that has been down, by name."""
        query = select(
            col(CarrierState.name), col(CarrierState.down_since), col(CarrierState.reason)
        ).order_by(col(CarrierState.name))
        return self._database.read(
            lambda connection: [CarrierHealth(*row) for row in connection.execute(query)]
        )

    def down(self, connection: Connection, now: Instant) -> Mapping[str, Instant]:
        """Return the carriers that are down, each with the instant of its next probe."""

        def read() -> Mapping[str, Instant]:
            query = select(col(CarrierState.name), col(CarrierState.probe_at)).where(_IS_DOWN)
            return dict(connection.execute(query).all())

        return self._down.get(None, now, read)

    def probe(self, connection: Connection, carrier: str, now: Instant) -> bool:
        """Take the right to try one message; of all workers one gets it, once in PROBE_EVERY."""
        self._down.clear()
        taken = connection.execute(
            update(CarrierState)
            .where(col(CarrierState.name) == carrier, _IS_DOWN, col(CarrierState.probe_at) <= now)
            .values(probe_at=now + PROBE_EVERY)
        )
        return taken.rowcount > 0
