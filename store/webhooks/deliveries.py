"""Deliveries on their way: claimed under a lease, marked, given up, and swept away at last."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from campaign.deliveries import ClaimedDelivery, DeliveryStatus, DeliveryUpdate
from campaign.events import WEBHOOK_PREFIX
from campaign.instants import Instant
from store.database.engine import Database, json_rows
from store.shared.outbox import Destination

_UNLEASED = "(claimed_until IS NULL OR claimed_until <= :now)"
_WEBHOOK = text("SELECT disabled_at FROM webhook WHERE id = :destination")
_DISABLE = text(
    "UPDATE webhook SET disabled_at = :now WHERE id = :destination AND disabled_at IS NULL"
)
_BURY = text(
    "UPDATE callback SET status = 'dead', last_code = COALESCE(last_code, 'disabled'), "
    "ended_at = :now, claimed_by = NULL, claimed_until = NULL "
    f"WHERE destination = :destination AND status = 'waiting' AND {_UNLEASED}"
)
_GIVE_UP = text(
    "UPDATE callback SET status = 'dead', last_code = COALESCE(last_code, 'expired'), "
    "ended_at = :now, claimed_by = NULL, claimed_until = NULL WHERE destination = :destination "
    f"AND status = 'waiting' AND since_at < :since AND {_UNLEASED}"
)
_NEXT_DUE = text(
    "SELECT min(CASE WHEN claimed_until > due_at THEN claimed_until ELSE due_at END) FROM callback "
    "WHERE destination = :destination AND status = 'waiting'"
)
_OVERDUE = text(
    "SELECT DISTINCT destination, account_id FROM callback WHERE status = 'waiting' "
    f"AND due_at <= :now AND {_UNLEASED} AND destination > :after "
    "ORDER BY destination LIMIT :limit"
)
_FORGET = text(
    "DELETE FROM callback WHERE id IN (SELECT id FROM callback "
    "WHERE status IN ('delivered', 'dead') AND created_at < :before LIMIT :limit)"
)


class Deliveries:
    """The :class:`campaign.deliveries.DeliveryStore` of both databases, and its sweeps."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # What somebody else is just claiming is theirs.
        skip_locked = "" if database.is_sqlite else " FOR UPDATE SKIP LOCKED"
        self._claim = text(
            "UPDATE callback SET claimed_by = :token, claimed_until = :lease, tries = tries + 1 "
            "WHERE id IN (SELECT id FROM callback WHERE destination = :destination "
            f"AND status = 'waiting' AND due_at <= :now AND {_UNLEASED} "
            f"ORDER BY due_at, id LIMIT :count{skip_locked}) RETURNING id, tries"
        )
        mine = (
            f"FROM {database.rows} WHERE callback.id = r.value->>'k' "
            "AND callback.status = 'waiting' AND callback.claimed_by = :token"
        )
        self._write_updates = text(
            "UPDATE callback SET status = r.value->>'s', last_code = r.value->>'e', "
            "due_at = COALESCE(CAST(r.value->>'d' AS BIGINT), due_at), "
            "ended_at = CASE WHEN r.value->>'s' = 'waiting' THEN NULL "
            "ELSE CAST(r.value->>'t' AS BIGINT) END, claimed_by = NULL, claimed_until = NULL "
            f"{mine}"
        )
        self._drop = text(
            "DELETE FROM callback WHERE status = 'waiting' AND claimed_by = :token "
            f"AND id IN (SELECT r.value->>'k' FROM {database.rows})"
        )

    def flush_and_claim(
        self,
        destination: str,
        token: str,
        updates: Sequence[DeliveryUpdate],
        count: int,
        now: Instant,
        claimed_until: Instant,
    ) -> Sequence[ClaimedDelivery]:
        """See :class:`campaign.deliveries.DeliveryStore`."""
        values = {
            "destination": destination,
            "token": token,
            "count": count,
            "now": now,
            "lease": claimed_until,
        }

        def work(connection: Connection) -> Sequence[ClaimedDelivery]:
            self._write(connection, token, updates)
            if any(update.gone for update in updates):
                connection.execute(_DISABLE, values)
            if destination.startswith(WEBHOOK_PREFIX):
                webhook = connection.execute(_WEBHOOK, values).first()
                if webhook is None or webhook.disabled_at is not None:
                    connection.execute(_BURY, values)
                    return []
            if count <= 0:
                return []
            return [
                ClaimedDelivery(row.id, row.tries)
                for row in connection.execute(self._claim, values)
            ]

        return self._database.write(work)

    def give_up(self, destination: str, since: Instant, now: Instant) -> int:
        """See :class:`campaign.deliveries.DeliveryStore`."""
        values = {"destination": destination, "since": since, "now": now}
        return self._database.write(
            lambda connection: connection.execute(_GIVE_UP, values).rowcount
        )

    def next_due(self, destination: str) -> Instant | None:
        """See :class:`campaign.deliveries.DeliveryStore`."""
        values = {"destination": destination}
        return self._database.read(
            lambda connection: connection.execute(_NEXT_DUE, values).scalar()
        )

    def overdue(self, before: Instant, after: str, limit: int) -> Sequence[Destination]:
        """Destinations with callbacks that nobody has taken since ``before``, by id."""
        values = {"now": before, "after": after, "limit": limit}
        return self._database.read(
            lambda connection: [Destination(*row) for row in connection.execute(_OVERDUE, values)]
        )

    def forget(self, before: Instant, limit: int) -> int:
        """Delete callbacks at their end that were written before ``before``; how many."""
        values = {"before": before, "limit": limit}
        return self._database.write(lambda connection: connection.execute(_FORGET, values).rowcount)

    def _write(self, connection: Connection, token: str, updates: Sequence[DeliveryUpdate]) -> None:
        kept = [update for update in updates if update.status is not None]
        dropped = [update for update in updates if update.status is None]
        if kept:
            rows = [
                {
                    "k": update.callback_id,
                    "s": DeliveryStatus(update.status or "").value,
                    "e": update.code,
                    "t": update.at,
                    "d": update.due_at,
                }
                for update in sorted(kept, key=lambda update: update.callback_id)
            ]
            connection.execute(self._write_updates, {"rows": json_rows(rows), "token": token})
        if dropped:
            rows = [{"k": update.callback_id} for update in dropped]
            connection.execute(self._drop, {"rows": json_rows(rows), "token": token})
