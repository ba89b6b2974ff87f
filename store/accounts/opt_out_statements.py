"""What the events of opt-outs write and read, as SQL."""

from sqlalchemy import text

from campaign.keywords import Keyword

KEEP = text("""
    INSERT INTO opt_out_event (
        account_id, event_id, number, kind, at, source, carrier, address, text, reason
    )
    VALUES (
        :account_id, :event_id, :number, :kind, :at, :source, :carrier, :address, :text, :reason
    )
    ON CONFLICT (account_id, event_id) DO NOTHING
""")
# Each of these locks the row of the number, even where it changes nothing.
LATEST = {
    Keyword.STOP: text("""
        INSERT INTO opt_out_state (account_id, number, stopped_at)
        VALUES (:account_id, :number, :at)
        ON CONFLICT (account_id, number) DO UPDATE SET stopped_at = excluded.stopped_at
        WHERE opt_out_state.stopped_at IS NULL
            OR opt_out_state.stopped_at < excluded.stopped_at
    """),
    Keyword.START: text("""
        INSERT INTO opt_out_state (account_id, number, started_at)
        VALUES (:account_id, :number, :at)
        ON CONFLICT (account_id, number) DO UPDATE SET started_at = excluded.started_at
        WHERE opt_out_state.started_at IS NULL
            OR opt_out_state.started_at < excluded.started_at
    """),
}
# The account's own word is the latest, whatever the clocks of carriers said before.
STOP_NOW = text("""
    INSERT INTO opt_out_state (account_id, number, stopped_at)
    VALUES (:account_id, :number, :at)
    ON CONFLICT (account_id, number) DO UPDATE SET stopped_at = CASE
        WHEN opt_out_state.started_at > excluded.stopped_at THEN opt_out_state.started_at
        ELSE excluded.stopped_at END
    WHERE opt_out_state.stopped_at IS NULL
        OR opt_out_state.stopped_at < excluded.stopped_at
        OR opt_out_state.stopped_at < opt_out_state.started_at
""")
# It undoes every STOP that is known, and no later one that is still to come.
START_NOW = text("""
    UPDATE opt_out_state SET started_at = stopped_at + 1
    WHERE account_id = :account_id AND number = :number
        AND stopped_at >= COALESCE(started_at, stopped_at)
""")
OPT_OUT = text("""
    INSERT INTO opt_out (account_id, number, source, created_at, event_id)
    SELECT account_id, number, :source, CAST(:at AS BIGINT), :event_id FROM opt_out_state
    WHERE account_id = :account_id AND number = :number
        AND stopped_at >= COALESCE(started_at, stopped_at)
    ON CONFLICT (account_id, number) DO NOTHING
""")
OPT_IN = text("""
    DELETE FROM opt_out
    WHERE account_id = :account_id AND number = :number AND NOT EXISTS (
        SELECT 1 FROM opt_out_state s
        WHERE s.account_id = :account_id AND s.number = :number
            AND s.stopped_at >= COALESCE(s.started_at, s.stopped_at)
    )
""")
_VIEW = """
    SELECT o.number, o.source, o.created_at, e.carrier, e.address, e.text, e.reason
    FROM opt_out o
    LEFT JOIN opt_out_event e ON e.account_id = o.account_id AND e.event_id = o.event_id
    WHERE o.account_id = :account_id
"""
GET = text(f"{_VIEW} AND o.number = :number")
PAGE = text(f"{_VIEW} AND o.number > :after ORDER BY o.number LIMIT :limit")
PAGE_AT = text(f"{_VIEW} ORDER BY o.number LIMIT :limit OFFSET :offset")
COUNT = text("SELECT count(*) FROM opt_out WHERE account_id = :account_id")
# Where opt-outs may stop a campaign, the message counts among the newest outcomes again.
COUNT_OPT_OUT = text("""
    UPDATE message SET outcome_at = :now
    WHERE recipient = :number AND outcome_at > 0 AND campaign_id IN (
        SELECT id FROM campaign
        WHERE account_id = :account_id AND status IN ('scheduled', 'running', 'paused')
    )
""")
