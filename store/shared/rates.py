"""The rates of carriers, senders and campaigns, shared by every worker."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, delete, select, text
from sqlmodel import col

from campaign.activity import Action
from campaign.instants import HOUR, SECOND, Instant
from campaign.rates import (
    MILLISECOND,
    RATE_MAX,
    RATE_MIN,
    SLICE,
    RateState,
    campaign_scope,
)
from campaign.rates import SECOND as MICROSECONDS
from store.clock import now_of
from store.database.engine import Database, StoreError, json_rows
from store.shared.activity import record
from store.shared.cache import Cache
from store.tables import RateRow

# How long a process may not know that a scope has a rate now, or has none any more.
CACHE_TTL: Instant = SECOND

_SET = text("""
    INSERT INTO rate (scope, rate, next_at) VALUES (:scope, :rate, 0)
    ON CONFLICT (scope) DO UPDATE SET rate = excluded.rate,
        next_at = CASE WHEN rate.next_at > :latest THEN :latest ELSE rate.next_at END
""")


class Rates:
    """Reads and sets rates, and locks them inside the transactions that claim messages."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Every transaction locks in the order of the names, or two could deadlock.
        self._lock = text(f"""
            SELECT scope, rate, next_at FROM rate
            WHERE scope IN :scopes
            ORDER BY scope{database.for_update}
        """).bindparams(bindparam("scopes", expanding=True))
        self._write = text(f"""
            UPDATE rate SET next_at = r.next_at
            FROM {database.rowset("scope TEXT, next_at BIGINT")}
            WHERE rate.scope = r.scope
        """)
        self._scopes: Cache[None, frozenset[str]] = Cache(CACHE_TTL, size_max=1)
        self._met: Cache[str, bool] = Cache(HOUR)

    def set_rate(self, scope: str, rate: float | None) -> None:
        """Set the rate of a scope in segments per second; None removes it.

        It holds for the next grants: those given reach half a second ahead, and a worker may
        need a second more to see a first rate. What a slower rate had put off for longer is put
        off no further than the new one asks for. Raises StoreError for a rate out of range.
        """
        if rate is not None and not RATE_MIN <= rate <= RATE_MAX:
            raise StoreError(
                f"a rate is at least one segment an hour and at most {RATE_MAX:,.0f} per second"
            )

        def work(connection: Connection) -> None:
            before = connection.execute(
                select(col(RateRow.rate)).where(col(RateRow.scope) == scope)
            )
            known = before.scalar()
            if rate is None:
                forget(connection, scope)
            else:
                latest = now_of(connection) * MILLISECOND + SLICE + round(MICROSECONDS / rate)
                connection.execute(_SET, {"scope": scope, "rate": rate, "latest": latest})
            if known != rate:
                kind, _, owner = scope.partition(":")
                record(
                    connection,
                    Action.RATE_CHANGED,
                    scope,
                    account=owner.partition(":")[0] if kind == "sender" else None,
                    campaign=owner if kind == "campaign" else None,
                    before={"rate": known},
                    after={"rate": rate},
                )

        self._database.write(work)

    def rates(self) -> Mapping[str, float]:
        """Return every rate by its scope, in segments per second."""
        return self._database.read(self.rates_in)

    def rates_in(self, connection: Connection) -> Mapping[str, float]:
        """As ``rates``, inside the caller's transaction."""
        query = select(col(RateRow.scope), col(RateRow.rate)).order_by(col(RateRow.scope))
        return dict(connection.execute(query).all())

    def has_any(self, connection: Connection, campaign_id: str, now: Instant) -> bool:
        """Tell whether any scope has a rate, as far as this process knows.

        The rate that a campaign was created with is always known.
        """

        def meet() -> bool:
            self._scopes.clear()
            return True

        self._met.get(campaign_id, now, meet)
        return bool(self._known_scopes(connection, now))

    def _known_scopes(self, connection: Connection, now: Instant) -> frozenset[str]:
        def read() -> frozenset[str]:
            return frozenset(connection.execute(select(col(RateRow.scope))).scalars())

        return self._scopes.get(None, now, read)

    def lock(
        self, connection: Connection, scopes: Iterable[str], now: Instant
    ) -> Mapping[str, RateState]:
        """Lock and read the rates of those of the scopes that have one."""
        wanted = sorted(self._known_scopes(connection, now).intersection(scopes))
        if not wanted:
            return {}
        rows = connection.execute(self._lock, {"scopes": wanted})
        return {row.scope: RateState(row.rate, row.next_at) for row in rows}

    def write(
        self, connection: Connection, states: Mapping[str, RateState], scopes: set[str]
    ) -> None:
        """Write the next instants of the scopes that granted segments."""
        rows = [{"scope": scope, "next_at": states[scope].next_at} for scope in sorted(scopes)]
        if rows:
            connection.execute(self._write, {"rows": json_rows(rows)})


def limit_campaign(connection: Connection, campaign_id: str, rate: float) -> None:
    """Give a new campaign its rate, inside the transaction that stores it."""
    values = {"scope": campaign_scope(campaign_id), "rate": rate, "latest": 0}
    connection.execute(_SET, values)


def forget(connection: Connection, scope: str) -> None:
    """Remove the rate of a scope, inside the caller's transaction."""
    connection.execute(delete(RateRow).where(col(RateRow.scope) == scope))
