"""The statements of a chunk, for both databases. Rows travel as one JSON parameter, ``:rows``."""

from sqlalchemy import Boolean, bindparam, text

from store.database.engine import Database
from store.shared.prices import PRICE_COLUMNS

ABANDONED = text("""
    SELECT m.*, a.started_at AS attempted_at, a.carrier, c.sandbox
    FROM message m
    JOIN campaign c ON c.id = m.campaign_id
    JOIN attempt a
        ON a.campaign_id = m.campaign_id AND a.position = m.position AND a.number = m.attempts
    WHERE m.campaign_id = :campaign AND m.position >= :low AND m.position < :high
        AND COALESCE(m.status, '') = 'sending' AND COALESCE(m.claimed_by, '') <> :token
    ORDER BY m.position
""")
BEGIN = text("""
    UPDATE campaign SET status = 'running', started_at = COALESCE(started_at, :now)
    WHERE id = :campaign AND status = 'scheduled' AND COALESCE(ordered, 'resume') = 'resume'
""")
RENEW = text("""
    UPDATE message SET claimed_until = :lease
    WHERE campaign_id = :campaign AND position = :position
        AND COALESCE(status, '') = 'sending' AND claimed_by = :token AND recipient <> 'erased'
""")
OWNER = text("""
    SELECT account_id, exclude_opt_outs, look_up_since, sandbox, purpose, sending_window,
        expires_at, validity_seconds, pauses_applied,
        canary IS NOT NULL OR brake IS NOT NULL AS guarded
    FROM campaign WHERE id = :campaign
""")


class ChunkStatements:
    """The statements that read ``:rows``.

    Each row carries the campaign too, so that SQLite joins on the whole primary key. A message
    with ``was_unknown`` may have left on an earlier try: whatever ends its latest try, it is
    neither failed nor skipped, but unknown.
    """

    def __init__(self, database: Database) -> None:
        self._prepare_outcomes(database)
        self._prepare_claims(database)

    def _prepare_outcomes(self, database: Database) -> None:
        outcomes = database.rowset(
            "campaign_id TEXT, position BIGINT, attempt BIGINT, status TEXT, code TEXT, "
            "carrier_id TEXT, at BIGINT, due_at BIGINT, carrier TEXT"
        )
        # SQLite 3.40 finds every column IS NOT NULL in a RETURNING clause; > '' is right.
        self.record = text(f"""
            UPDATE message SET
                status = CASE
                    WHEN message.was_unknown AND r.status IN ('failed', 'skipped') THEN 'unknown'
                    ELSE r.status END,
                error = r.code,
                reason = CASE
                    WHEN r.status = 'failed' AND NOT message.was_unknown THEN r.code
                    ELSE message.reason END,
                carrier_id = COALESCE(r.carrier_id, message.carrier_id),
                sent_at = CASE WHEN r.status = 'sent' THEN r.at ELSE message.sent_at END,
                final_at = CASE
                    WHEN r.status = 'failed' AND NOT message.was_unknown THEN r.at
                    ELSE message.final_at END,
                due_at = COALESCE(r.due_at, message.due_at),
                outcome_at = CASE
                    WHEN :guarded AND r.status <> 'retryable' THEN CAST(:now AS BIGINT)
                    ELSE message.outcome_at END,
                claimed_by = NULL,
                claimed_until = NULL
            FROM {outcomes}
            WHERE message.campaign_id = r.campaign_id AND message.position = r.position
                AND message.status = 'sending' AND message.claimed_by = :token
            RETURNING message.position, message.status, message.key, message.was_unknown,
                {PRICE_COLUMNS},
                CASE WHEN message.callback_url > '' OR EXISTS (
                    SELECT 1 FROM webhook w
                    WHERE w.account_id = :account AND w.disabled_at IS NULL
                ) THEN message.id END AS event_for
        """).bindparams(bindparam("guarded", type_=Boolean))
        self.end_attempts = text(f"""
            UPDATE attempt SET ended_at = r.at, outcome = r.status, code = r.code,
                carrier = COALESCE(r.carrier, attempt.carrier)
            FROM {outcomes}
            WHERE attempt.campaign_id = r.campaign_id AND attempt.position = r.position
                AND attempt.number = r.attempt AND attempt.ended_at IS NULL
        """)
        set_aside = database.rowset(
            "campaign_id TEXT, position BIGINT, status TEXT, reason TEXT, duplicate_of TEXT, "
            "due_at BIGINT"
        )
        self.set_aside = text(f"""
            UPDATE message SET
                status = CASE
                    WHEN message.was_unknown AND r.status = 'skipped' THEN 'unknown'
                    ELSE r.status END,
                reason = CASE
                    WHEN message.was_unknown AND r.status = 'skipped' THEN message.reason
                    ELSE r.reason END,
                duplicate_of = r.duplicate_of,
                due_at = COALESCE(r.due_at, message.due_at),
                final_at = CASE
                    WHEN r.status = 'skipped' AND NOT message.was_unknown
                        THEN CAST(:now AS BIGINT)
                    ELSE message.final_at END
            FROM {set_aside}
            WHERE message.campaign_id = r.campaign_id AND message.position = r.position
                AND message.status IN ('queued', 'retryable')
        """)

    def _prepare_claims(self, database: Database) -> None:
        claims = database.rowset("campaign_id TEXT, position BIGINT, attempt BIGINT, carrier TEXT")
        self.claim = text(f"""
            UPDATE message SET
                status = 'sending',
                attempts = message.attempts + 1,
                claimed_by = :token,
                claimed_until = :lease
            FROM {claims}
            WHERE message.campaign_id = r.campaign_id AND message.position = r.position
                AND message.status IN ('queued', 'retryable') AND message.due_at <= :now
            RETURNING message.position
        """)
        self.begin_attempts = text(f"""
            INSERT INTO attempt (campaign_id, position, number, started_at, carrier)
            SELECT r.campaign_id, r.position, r.attempt, :now, r.carrier
            FROM {claims}
        """)
        self.adopt = text(f"""
            UPDATE message SET claimed_by = :token, claimed_until = :lease
            FROM {database.rowset("campaign_id TEXT, position BIGINT")}
            WHERE message.campaign_id = r.campaign_id AND message.position = r.position
                AND message.status = 'sending' AND message.claimed_by <> :token
                AND message.claimed_until <= :now
            RETURNING message.position
        """)
