"""Which carriers are down, as all workers together see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.instants import SECOND, Instant
from store.database.engine import Database

# How long a process may not know that another one found a carrier down, or up again.
CACHE_TTL_SECONDS: Instant = SECOND // 4
PROBE_EVERY: Instant = SECOND

_DOWN = text("SELECT name, probe_at FROM carrier_state WHERE down_since IS NOT NULL")
_ALL = text("SELECT name, down_since, reason FROM carrier_state ORDER BY name")
_TRIP = text(
    "INSERT INTO carrier_state (name, down_since, probe_at, reason) "
    "VALUES (:name, :now, :probe_at, :reason) ON CONFLICT (name) DO UPDATE SET "
    "down_since = COALESCE(carrier_state.down_since, excluded.down_since), "
    "probe_at = excluded.probe_at, reason = excluded.reason "
    "WHERE carrier_state.down_since IS NULL OR carrier_state.probe_at < excluded.probe_at"
)
_PROBE = text(
    "UPDATE carrier_state SET probe_at = :next WHERE name = :name "
    "AND down_since IS NOT NULL AND probe_at <= :now"
)
_RESTORE = text(
    "UPDATE carrier_state SET down_since = NULL WHERE name = :name AND down_since IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class CarrierHealth:
    """A carrier, since when it is down if it is, and the failure that told so last."""

    name: str
    down_since: Instant | None
    reason: str | None


class Health:
    """The :class:`campaign.ports.HealthStore` of both databases."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._down: Mapping[str, Instant] = {}
        self._known_until: Instant = 0

    def trip(self, carrier: str, reason: str, now: Instant, probe_at: Instant) -> None:
        """See :class:`campaign.ports.HealthStore`."""
        values = {"name": carrier, "now": now, "probe_at": probe_at, "reason": reason}
        self._database.write(lambda connection: connection.execute(_TRIP, values))
        self._known_until = 0

    def restore(self, carrier: str) -> None:
        """See :class:`campaign.ports.HealthStore`."""
        values = {"name": carrier}
        self._database.write(lambda connection: connection.execute(_RESTORE, values))
        self._known_until = 0

    def may_probe(self, carrier: str, now: Instant) -> bool:
        """See :class:`campaign.ports.HealthStore`."""

        def work(connection: Connection) -> bool:
            self._known_until = 0
            return carrier not in self.down(connection, now) or self.probe(connection, carrier, now)

        return self._database.write(work)

    def list(self) -> Sequence[CarrierHealth]:
        """Every carrier that has been down."""
        return self._database.read(
            lambda connection: [
                CarrierHealth(row.name, row.down_since, row.reason)
                for row in connection.execute(_ALL)
            ]
        )

    def down(self, connection: Connection, now: Instant) -> Mapping[str, Instant]:
        """Carriers that are down, and from when on one message may probe each."""
        if not self._known_until - CACHE_TTL_SECONDS <= now < self._known_until:
            rows = connection.execute(_DOWN).all()
            self._down = {row.name: row.probe_at for row in rows}
            self._known_until = now + CACHE_TTL_SECONDS
        return self._down

    def probe(self, connection: Connection, carrier: str, now: Instant) -> bool:
        """Win the right to try one message; of all workers one does, once in PROBE_EVERY."""
        values = {"name": carrier, "now": now, "next": now + PROBE_EVERY}
        self._known_until = 0
        return connection.execute(_PROBE, values).rowcount > 0
