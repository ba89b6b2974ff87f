"""Cancelling what waits of a campaign, in parts, so that no lock is held for long."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from store.database.engine import Database

CANCELLED_AT_ONCE = 50_000
CANCEL_WAITING = text("""
    UPDATE message SET status = 'cancelled', reason = :reason, final_at = :now
    WHERE campaign_id = :campaign AND position >= :low AND position < :high
        AND COALESCE(status, '') IN ('queued', 'retryable') AND NOT was_unknown
""")
_TOTAL = text("""
    SELECT total FROM campaign WHERE id = :campaign
""")
# What may have left cannot be called cancelled.
BACK_TO_UNKNOWN = text("""
    UPDATE message SET status = 'unknown'
    WHERE campaign_id = :campaign AND status = 'retryable' AND was_unknown
""")
_IS_REFUSED = text("""
    SELECT 1 FROM campaign WHERE id = :campaign AND status = 'refused'
""")


def cancel_waiting(database: Database, values: Mapping[str, object], start: int = 0) -> int:
    """Cancel what waits from position ``start`` on, in several transactions; returns how many.

    ``values`` name the campaign, the reason and the instant. A second run changes nothing.
    """
    total = database.read(lambda connection: connection.execute(_TOTAL, values).scalar_one())
    return sum(
        _cancel_part(database, {**values, "low": low, "high": low + CANCELLED_AT_ONCE})
        for low in range(start, total, CANCELLED_AT_ONCE)
    )


def cancel_refused(database: Database, values: Mapping[str, object]) -> None:
    """Cancel the messages of a refused campaign behind the first part, which goes with the refusal.

    Nothing of a campaign that is not refused.
    """

    def is_refused(connection: Connection) -> bool:
        return connection.execute(_IS_REFUSED, values).first() is not None

    if database.read(is_refused):
        cancel_waiting(database, values, CANCELLED_AT_ONCE)


def _cancel_part(database: Database, values: Mapping[str, object]) -> int:
    return database.write(lambda connection: connection.execute(CANCEL_WAITING, values).rowcount)
