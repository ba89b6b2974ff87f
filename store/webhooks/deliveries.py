"""Deliveries: claimed for one try, updated with its outcome, and deleted in the end."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, or_, text
from sqlmodel import col, select, update

from campaign.deliveries import ClaimedDelivery, DeliveryStatus, DeliveryUpdate
from campaign.events import LISTENER_PREFIX, WEBHOOK_PREFIX, Destination
from campaign.instants import Instant
from store.database.engine import Database, json_rows
from store.tables import WebhookRow

# So many due events are compared with those of their messages first; then all of them.
WINDOW = 64
WINDOW_MAX = 2_000_000_000

_CLOSE = text("""
    UPDATE callback
    SET status = 'dead', last_code = COALESCE(last_code, :code), ended_at = :now,
      claimed_by = NULL, claimed_until = NULL
    WHERE destination = :destination AND status = 'waiting'
      AND (claimed_until IS NULL OR claimed_until <= :now)
      AND (CAST(:since AS BIGINT) IS NULL OR since_at < :since)
""")
# Events of one message, in the order in which they can happen: one that failed may be retried, and
# one in doubt may prove sent. Where they are equal, that which was recorded first.
_RANK = {
    "message.failed": 0,
    "message.unknown": 0,
    "message.sent": 1,
    "message.delivered": 2,
    "message.undelivered": 2,
}
_ORDERED = f"({', '.join(map(repr, _RANK))})"


def _rank(row: str) -> str:
    cases = " ".join(f"WHEN '{event}' THEN {rank}" for event, rank in _RANK.items())
    return f"CASE {row}.event {cases} END"


def _precedes(earlier: str, later: str) -> str:
    """Whether one event of a message happened before another one to the same destination."""
    return f"""
        {earlier}.message_id = {later}.message_id AND {earlier}.destination = {later}.destination
        AND {earlier}.id <> {later}.id
        AND {earlier}.event IN {_ORDERED} AND {later}.event IN {_ORDERED}
        AND ({_rank(earlier)} < {_rank(later)} OR (
            {_rank(earlier)} = {_rank(later)} AND {earlier}.created_at < {later}.created_at
        ))
    """


# What waits for another delivery of the same message is due when that one is.
_NEXT_DUE = text("""
    SELECT min(CASE WHEN claimed_until > due_at THEN claimed_until ELSE due_at END)
    FROM callback WHERE destination = :destination AND status = 'waiting' AND (
        claimed_until IS NOT NULL OR message_id IS NULL OR message_id NOT IN (
            SELECT message_id FROM callback
            WHERE destination = :destination AND status = 'waiting'
              AND claimed_until IS NOT NULL AND message_id IS NOT NULL
        )
    )
""")
_OVERDUE = text("""
    SELECT DISTINCT destination, account_id FROM callback
    WHERE status = 'waiting' AND due_at <= :now AND destination > :after
      AND (claimed_until IS NULL OR claimed_until <= :now)
      AND destination NOT IN (SELECT id FROM webhook WHERE listens_until > :now)
    ORDER BY destination LIMIT :limit
""")
_FORGET = text("""
    DELETE FROM callback
    WHERE id IN (
        SELECT id FROM callback
        WHERE status IN ('delivered', 'dead') AND created_at < :before LIMIT :limit
    )
""")
_FORGET_LISTENERS = text("DELETE FROM webhook WHERE listens_until < :before")
_ENABLED = select(WebhookRow.id).where(
    WebhookRow.id == bindparam("destination"),
    col(WebhookRow.disabled_at).is_(None),
    or_(col(WebhookRow.listens_until).is_(None), col(WebhookRow.listens_until) > bindparam("now")),
)


class Deliveries:
    """The :class:`campaign.deliveries.DeliveryStore` of both databases, and its cleanup."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Leave out the rows that another worker is claiming at this moment.
        skip_locked = "" if database.is_sqlite else "FOR UPDATE SKIP LOCKED"
        # The events of one message are delivered one after another. One that waits for a retry
        # holds no later one back. COALESCE keeps SQLite off the index by status.
        self._claim = text(f"""
            UPDATE callback
            SET claimed_by = :token, claimed_until = :claimed_until, tries = tries + 1
            WHERE id IN (
                SELECT c.id FROM callback c
                WHERE COALESCE(c.status, '') = 'waiting'
                  AND (c.claimed_until IS NULL OR c.claimed_until <= :now)
                  AND c.id IN (
                    SELECT id FROM callback
                    WHERE destination = :destination AND status = 'waiting' AND due_at <= :now
                      AND (claimed_until IS NULL OR claimed_until <= :now)
                    ORDER BY due_at, id LIMIT :window
                )
                  AND NOT EXISTS (
                      SELECT 1 FROM callback e
                      WHERE e.status = 'waiting' AND {_precedes("e", "c")}
                        AND (e.due_at <= :now OR e.claimed_until > :now)
                  )
                  AND NOT EXISTS (
                      SELECT 1 FROM callback l
                      WHERE l.status = 'waiting' AND l.claimed_until > :now
                        AND {_precedes("c", "l")}
                  )
                ORDER BY c.due_at, c.id LIMIT :count {skip_locked}
            )
            RETURNING id, tries
        """)
        # What a delivered event has overtaken is not told any more.
        self._leave_out = text(f"""
            UPDATE callback
            SET status = 'dead', last_code = 'overtaken', ended_at = :now,
              claimed_by = NULL, claimed_until = NULL
            WHERE id IN (
                SELECT e.id FROM {database.rowset("callback_id TEXT")}
                JOIN callback l ON l.id = r.callback_id AND l.status = 'delivered'
                JOIN callback e ON e.status = 'waiting' AND {_precedes("e", "l")}
                WHERE e.claimed_until IS NULL OR e.claimed_until <= :now
            )
        """)
        updates = database.rowset(
            "callback_id TEXT, status TEXT, code TEXT, at BIGINT, due_at BIGINT"
        )
        self._update = text(f"""
            UPDATE callback
            SET status = r.status, last_code = r.code,
              due_at = COALESCE(r.due_at, callback.due_at),
              ended_at = CASE r.status WHEN 'waiting' THEN NULL ELSE r.at END,
              claimed_by = NULL, claimed_until = NULL
            FROM {updates}
            WHERE callback.id = r.callback_id
              AND callback.status = 'waiting' AND callback.claimed_by = :token
        """)
        self._drop = text(f"""
            DELETE FROM callback
            WHERE status = 'waiting' AND claimed_by = :token
              AND id IN (SELECT r.callback_id FROM {database.rowset("callback_id TEXT")})
        """)

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
            "claimed_until": claimed_until,
        }

        def work(connection: Connection) -> Sequence[ClaimedDelivery]:
            self._write(connection, token, updates, now)
            if any(update.gone for update in updates):
                _disable(connection, destination, now)
            if destination.startswith((WEBHOOK_PREFIX, LISTENER_PREFIX)):
                if connection.execute(_ENABLED, values).first() is None:
                    connection.execute(_CLOSE, {**values, "code": "disabled", "since": None})
                    return []
            if count <= 0:
                return []
            claimed = connection.execute(self._claim, {**values, "window": count + WINDOW}).all()
            if len(claimed) < count:
                # Perhaps the first ones all wait for others.
                left = {**values, "count": count - len(claimed), "window": WINDOW_MAX}
                claimed = [*claimed, *connection.execute(self._claim, left)]
            return [ClaimedDelivery(row.id, row.tries) for row in claimed]

        return self._database.write(work)

    def give_up(self, destination: str, since: Instant, now: Instant) -> int:
        """See :class:`campaign.deliveries.DeliveryStore`."""
        values = {"destination": destination, "code": "expired", "since": since, "now": now}
        return self._database.write(lambda connection: connection.execute(_CLOSE, values).rowcount)

    def next_due(self, destination: str) -> Instant | None:
        """See :class:`campaign.deliveries.DeliveryStore`."""
        values = {"destination": destination}
        return self._database.read(
            lambda connection: connection.execute(_NEXT_DUE, values).scalar()
        )

    def overdue(self, before: Instant, after: str, limit: int) -> Sequence[Destination]:
        """Up to ``limit`` destinations whose deliveries were due, and unclaimed, at ``before``.

        By id; ``after`` is the last id of the page before, or "". A listener is no such destination
        until it has ended.
        """
        values = {"now": before, "after": after, "limit": limit}
        return self._database.read(
            lambda connection: [Destination(*row) for row in connection.execute(_OVERDUE, values)]
        )

    def forget(self, before: Instant, limit: int) -> int:
        """Delete up to ``limit`` ended deliveries recorded before ``before``; returns how many.

        Listeners that ended before are deleted too.
        """
        values = {"before": before, "limit": limit}

        def work(connection: Connection) -> int:
            connection.execute(_FORGET_LISTENERS, values)
            return connection.execute(_FORGET, values).rowcount

        return self._database.write(work)

    def _write(
        self,
        connection: Connection,
        token: str,
        updates: Sequence[DeliveryUpdate],
        now: Instant,
    ) -> None:
        # Rows are locked in the order of their ids.
        kept = [
            {
                "callback_id": update.callback_id,
                "status": update.status.value,
                "code": update.code,
                "at": update.at,
                "due_at": update.due_at,
            }
            for update in sorted(updates, key=lambda update: update.callback_id)
            if update.status is not None
        ]
        dropped = [
            {"callback_id": update.callback_id} for update in updates if update.status is None
        ]
        for statement, rows in ((self._update, kept), (self._drop, dropped)):
            if rows:
                connection.execute(statement, {"rows": json_rows(rows), "token": token})
        if any(row["status"] == DeliveryStatus.DELIVERED for row in kept):
            connection.execute(self._leave_out, {"rows": json_rows(kept), "now": now})


def _disable(connection: Connection, webhook_id: str, now: Instant) -> None:
    query = update(WebhookRow).where(
        col(WebhookRow.id) == webhook_id, col(WebhookRow.disabled_at).is_(None)
    )
    connection.execute(query.values(disabled_at=now))
