"""The statements of a chunk, for both databases. Rows travel as one JSON parameter, ``:rows``."""

from sqlalchemy import text

from store.database.engine import Database
from store.shared.outbox import EVENT_FOR_ACCOUNT

ABANDONED = text(
    "SELECT m.*, a.started_at AS attempted_at, a.carrier FROM message m "
    "JOIN attempt a ON a.campaign_id = m.campaign_id AND a.position = m.position "
    "AND a.number = m.attempts "
    "WHERE m.campaign_id = :campaign AND m.position >= :low AND m.position < :high "
    "AND COALESCE(m.status, '') = 'sending' AND COALESCE(m.claimed_by, '') <> :token "
    "ORDER BY m.position"
)
RENEW = text(
    "UPDATE message SET claimed_until = :lease WHERE campaign_id = :campaign "
    "AND position = :position AND COALESCE(status, '') = 'sending' AND claimed_by = :token"
)
WANTS_NOTHING = text(
    "SELECT 1 FROM campaign c JOIN opt_out o ON o.account_id = c.account_id "
    "WHERE c.id = :campaign AND c.exclude_opt_outs AND o.number = :number"
)


def _same_row(table: str) -> str:
    # The JSON row carries the campaign too, so that SQLite joins on its whole primary key.
    return (
        f"{table}.campaign_id = r.value->>'c' AND {table}.position = CAST(r.value->>'p' AS BIGINT)"
    )


class ChunkStatements:
    """What differs between the databases is in ``Database.rows`` and in how rows are locked.

    ``c`` campaign, ``p`` position, ``n`` attempt number, ``s`` status, ``e`` code, ``i`` carrier
    id, ``m`` another message's id, ``r`` recipient, ``t`` instant, ``d`` next due instant.
    """

    def __init__(self, database: Database) -> None:
        rows = database.rows
        # A message that may have left before has neither failed nor been skipped, whatever
        # became of its latest try.
        undecided = "(message.was_unknown AND r.value->>'s' IN ('failed', 'skipped'))"
        self.record = text(
            f"UPDATE message SET status = CASE WHEN {undecided} THEN 'unknown' "
            "ELSE r.value->>'s' END, error = r.value->>'e', reason = CASE "
            f"WHEN r.value->>'s' = 'failed' AND NOT {undecided} THEN r.value->>'e' "
            "ELSE reason END, "
            "carrier_id = COALESCE(r.value->>'i', carrier_id), "
            "sent_at = CASE WHEN r.value->>'s' = 'sent' THEN CAST(r.value->>'t' AS BIGINT) "
            "ELSE sent_at END, "
            f"final_at = CASE WHEN r.value->>'s' = 'failed' AND NOT {undecided} "
            "THEN CAST(r.value->>'t' AS BIGINT) ELSE final_at END, "
            "due_at = COALESCE(CAST(r.value->>'d' AS BIGINT), due_at), "
            "claimed_by = NULL, claimed_until = NULL "
            f"FROM {rows} WHERE {_same_row('message')} AND message.status = 'sending' "
            "AND message.claimed_by = :token "
            "RETURNING message.position, message.status, message.kind, message.key, "
            "message.was_unknown, "
            f"{EVENT_FOR_ACCOUNT}"
        )
        self.end_attempts = text(
            "UPDATE attempt SET ended_at = CAST(r.value->>'t' AS BIGINT), "
            "outcome = r.value->>'s', code = r.value->>'e' "
            f"FROM {rows} WHERE {_same_row('attempt')} "
            "AND attempt.number = CAST(r.value->>'n' AS BIGINT) AND attempt.ended_at IS NULL"
        )
        self.claim = text(
            "UPDATE message SET status = 'sending', attempts = attempts + 1, "
            "claimed_by = :token, claimed_until = :lease "
            f"FROM {rows} WHERE {_same_row('message')} "
            "AND message.status IN ('queued', 'retryable') RETURNING message.position"
        )
        # An IN of so many parameters would cost three times as much in SQLAlchemy as to run.
        self.opted_out = text(
            "SELECT number FROM opt_out WHERE account_id = :account "
            f"AND number IN (SELECT r.value->>'r' FROM {rows})"
        )
        self.set_aside = text(
            f"UPDATE message SET status = CASE WHEN {undecided} THEN 'unknown' "
            f"ELSE r.value->>'s' END, reason = CASE WHEN {undecided} THEN reason "
            "ELSE r.value->>'e' END, duplicate_of = r.value->>'m', "
            "due_at = COALESCE(CAST(r.value->>'d' AS BIGINT), due_at), "
            f"final_at = CASE WHEN r.value->>'s' = 'skipped' AND NOT {undecided} "
            "THEN CAST(:now AS BIGINT) ELSE final_at END "
            f"FROM {rows} WHERE {_same_row('message')} "
            "AND message.status IN ('queued', 'retryable')"
        )
        self.begin_attempts = text(
            "INSERT INTO attempt (campaign_id, position, number, started_at, carrier) "
            "SELECT r.value->>'c', CAST(r.value->>'p' AS BIGINT), "
            f"CAST(r.value->>'n' AS BIGINT), :now, r.value->>'w' FROM {rows}"
        )
        self.adopt = text(
            "UPDATE message SET claimed_by = :token, claimed_until = :lease "
            f"FROM {rows} WHERE {_same_row('message')} AND message.status = 'sending' "
            "AND message.claimed_by <> :token AND message.claimed_until <= :now "
            "RETURNING message.position"
        )
