"""The statements of a chunk, for both databases. Rows travel as one JSON parameter, ``:rows``."""

from sqlalchemy import bindparam, text

from store.engine import Database

_HANDOFF_COLUMNS = "position, id, recipient, text, media_url, sender, segments, attempts, key"

# COALESCE keeps SQLite off the queue index: a chunk is a range of the primary key.
_CANDIDATES = (
    f"SELECT {_HANDOFF_COLUMNS} FROM message "
    "WHERE campaign_id = :campaign AND position >= :low AND position < :high "
    "AND COALESCE(status, '') IN ('queued', 'retryable') AND due_at <= :due "
    "ORDER BY position LIMIT :count"
)
ABANDONED = text(
    f"SELECT {_HANDOFF_COLUMNS}, lease_until FROM message "
    "WHERE campaign_id = :campaign AND position >= :low AND position < :high "
    "AND COALESCE(status, '') = 'sending' AND COALESCE(claimed_by, '') <> :token "
    "ORDER BY position"
)
RENEW = text(
    "UPDATE message SET lease_until = :lease WHERE campaign_id = :campaign "
    "AND position = :position AND COALESCE(status, '') = 'sending' AND claimed_by = :token"
)
OPTED_OUT = text(
    "SELECT number FROM opt_out WHERE account_id = :account AND number IN :numbers"
).bindparams(bindparam("numbers", expanding=True))


def _same_row(table: str) -> str:
    # The JSON row carries the campaign too, so that SQLite joins on its whole primary key.
    return (
        f"{table}.campaign_id = r.value->>'c' AND {table}.position = CAST(r.value->>'p' AS BIGINT)"
    )


class ChunkStatements:
    """What differs between the databases is in ``Database.rows`` and in how rows are locked.

    ``c`` campaign, ``p`` position, ``n`` attempt number, ``s`` status, ``e`` code, ``i`` carrier
    id, ``m`` another message's id, ``t`` instant, ``d`` next due instant.
    """

    def __init__(self, database: Database) -> None:
        rows = database.rows
        # A row that somebody else is just moving is theirs; the next look finds what is left.
        skip_locked = "" if database.is_sqlite else " FOR UPDATE SKIP LOCKED"
        self.candidates = text(_CANDIDATES + skip_locked)
        self.record = text(
            "UPDATE message SET status = r.value->>'s', error = r.value->>'e', "
            "reason = CASE WHEN r.value->>'s' = 'failed' THEN r.value->>'e' ELSE reason END, "
            "carrier_id = COALESCE(r.value->>'i', carrier_id), "
            "sent_at = CASE WHEN r.value->>'s' = 'sent' THEN CAST(r.value->>'t' AS BIGINT) "
            "ELSE sent_at END, "
            "final_at = CASE WHEN r.value->>'s' = 'failed' THEN CAST(r.value->>'t' AS BIGINT) "
            "ELSE final_at END, "
            "due_at = COALESCE(CAST(r.value->>'d' AS BIGINT), due_at), "
            "claimed_by = NULL, lease_until = NULL "
            f"FROM {rows} WHERE {_same_row('message')} AND message.status = 'sending' "
            "AND message.claimed_by = :token "
            "RETURNING message.position, message.status, message.kind, message.key"
        )
        self.end_attempts = text(
            "UPDATE attempt SET ended_at = CAST(r.value->>'t' AS BIGINT), "
            "outcome = r.value->>'s', code = r.value->>'e' "
            f"FROM {rows} WHERE {_same_row('attempt')} "
            "AND attempt.number = CAST(r.value->>'n' AS BIGINT) AND attempt.ended_at IS NULL"
        )
        self.claim = text(
            "UPDATE message SET status = 'sending', attempts = attempts + 1, "
            "claimed_by = :token, lease_until = :lease "
            f"FROM {rows} WHERE {_same_row('message')} "
            "AND message.status IN ('queued', 'retryable') RETURNING message.position"
        )
        self.set_aside = text(
            "UPDATE message SET status = r.value->>'s', reason = r.value->>'e', "
            "duplicate_of = r.value->>'m', "
            "due_at = COALESCE(CAST(r.value->>'d' AS BIGINT), due_at), "
            "final_at = CASE WHEN r.value->>'s' = 'skipped' THEN :now ELSE final_at END "
            f"FROM {rows} WHERE {_same_row('message')} "
            "AND message.status IN ('queued', 'retryable')"
        )
        self.begin_attempts = text(
            "INSERT INTO attempt (campaign_id, position, number, started_at) "
            "SELECT r.value->>'c', CAST(r.value->>'p' AS BIGINT), "
            f"CAST(r.value->>'n' AS BIGINT), :now FROM {rows}"
        )
        self.adopt = text(
            "UPDATE message SET claimed_by = :token, lease_until = :lease "
            f"FROM {rows} WHERE {_same_row('message')} AND message.status = 'sending' "
            "AND message.claimed_by <> :token AND message.lease_until <= :now "
            "RETURNING message.position"
        )
