"""The speeds of carriers, senders and campaigns, shared by every worker."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, text

from campaign.instants import SECOND, Instant
from campaign.rates import RATE_MAX, RateState
from store.database.engine import Database, StoreError, json_rows

# How long a process may not know that a scope has a speed now, or has none any more.
CACHE_TTL_SECONDS: Instant = SECOND

_SET = text(
    "INSERT INTO rate (scope, rate, next_at) VALUES (:scope, :rate, 0) "
    "ON CONFLICT (scope) DO UPDATE SET rate = excluded.rate"
)
FORGET = text("DELETE FROM rate WHERE scope = :scope")
_ALL = text("SELECT scope, rate FROM rate ORDER BY scope")


class Rates:
    """Reads and sets speeds, and lends them to the transactions that claim messages."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Everybody locks in the order of the names, or two would wait for each other.
        self._lock = text(
            "SELECT scope, rate, next_at FROM rate WHERE scope IN :scopes "
            f"ORDER BY scope{database.for_update}"
        ).bindparams(bindparam("scopes", expanding=True))
        self._write = text(
            "UPDATE rate SET next_at = CAST(r.value->>'n' AS BIGINT) "
            f"FROM {database.rows} WHERE rate.scope = r.value->>'s'"
        )
        self._known: frozenset[str] = frozenset()
        self._known_until: Instant = 0

    def set_rate(self, scope: str, rate: float | None) -> None:
        """Give a scope a speed in segments per second, or with None take it away.

        It holds for grants from now on; those given reach half a second ahead, and a worker may
        need a second more to learn of a first speed. Raises StoreError for no speed at all.
        """
        if rate is None:
            self._database.write(lambda connection: connection.execute(FORGET, {"scope": scope}))
            return
        if not 0 < rate <= RATE_MAX:
            raise StoreError(f"a rate is above 0 and at most {RATE_MAX:,.0f} segments per second")
        values = {"scope": scope, "rate": rate}
        self._database.write(lambda connection: connection.execute(_SET, values))

    def rates(self) -> Mapping[str, float]:
        """Every speed, by scope."""
        return self._database.read(
            lambda connection: {row.scope: row.rate for row in connection.execute(_ALL)}
        )

    def has_any(self, connection: Connection, now: Instant) -> bool:
        """Tell whether anything at all has a speed, as far as this process knows."""
        if now >= self._known_until or now < self._known_until - CACHE_TTL_SECONDS:
            self._known = frozenset(row.scope for row in connection.execute(_ALL))
            self._known_until = now + CACHE_TTL_SECONDS
        return bool(self._known)

    def lock(
        self, connection: Connection, scopes: Iterable[str], now: Instant
    ) -> Mapping[str, RateState]:
        """Lock and read the speeds that these scopes have, which are mostly none."""
        if not self.has_any(connection, now):
            return {}
        wanted = sorted(self._known.intersection(scopes))
        if not wanted:
            return {}
        rows = connection.execute(self._lock, {"scopes": wanted})
        return {row.scope: RateState(row.rate, row.next_at) for row in rows}

    def write(
        self, connection: Connection, states: Mapping[str, RateState], scopes: set[str]
    ) -> None:
        """Write the instants of the scopes whose segments were granted."""
        rows = [{"s": scope, "n": states[scope].next_at} for scope in sorted(scopes)]
        if rows:
            connection.execute(self._write, {"rows": json_rows(rows)})
