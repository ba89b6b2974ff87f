"""Removes texts that are kept for a limited time only, in small steps."""

from sqlalchemy import BindParameter, Connection, bindparam, text

from campaign.instants import Instant
from campaign.states import CAMPAIGN_ENDS
from store.database.engine import Database

# One statement for each table that keeps texts from people: it removes those received before
# :before, at most :limit at once. A new table gets its line here.
INBOUND = (
    text("""
        UPDATE inbound_message SET body = '', media_urls = NULL
        WHERE id IN (
            SELECT id FROM inbound_message
            WHERE received_at < :before AND (body <> '' OR media_urls IS NOT NULL)
            LIMIT :limit
        )
    """),
    text("""
        UPDATE opt_out_event SET text = NULL
        WHERE (account_id, event_id) IN (
            SELECT account_id, event_id FROM opt_out_event
            WHERE at < :before AND text IS NOT NULL LIMIT :limit
        )
    """),
)
# While texts are being removed, texts_removed_at is 0: a campaign whose texts are going is not
# retried, and a process that dies between two steps leaves a campaign that is found again.
_ENDS: BindParameter[str] = bindparam(
    "ends", [status.value for status in CAMPAIGN_ENDS], expanding=True
)
_NEXT = text("""
    SELECT id FROM campaign
    WHERE COALESCE(texts_removed_at, 0) = 0 AND status IN :ends AND finished_at < :before
    LIMIT 1
""").bindparams(_ENDS)
_BEGIN = text("""
    UPDATE campaign SET texts_removed_at = 0, template = NULL
    WHERE id = :campaign AND COALESCE(texts_removed_at, 0) = 0 AND status IN :ends
""").bindparams(_ENDS)
_REMOVE = text("""
    UPDATE message SET text = '', compliance_text = NULL, media_url = NULL, fields = NULL,
        next_text = NULL
    WHERE campaign_id = :campaign AND position IN (
        SELECT position FROM message
        WHERE campaign_id = :campaign
            AND (text <> '' OR compliance_text IS NOT NULL OR media_url IS NOT NULL
                OR fields IS NOT NULL OR next_text IS NOT NULL)
        ORDER BY position LIMIT :limit
    )
""")
_REMOVE_OF_ATTEMPTS = text("""
    UPDATE attempt SET text = NULL
    WHERE campaign_id = :campaign AND text IS NOT NULL AND position IN (
        SELECT position FROM attempt WHERE campaign_id = :campaign AND text IS NOT NULL
        ORDER BY position LIMIT :limit
    )
""")
_END = text("""
    UPDATE campaign SET texts_removed_at = :now WHERE id = :campaign AND texts_removed_at = 0
""")


class Retention:
    """Removes old texts; every step is one transaction, and safe to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remove_texts(self, before: Instant, now: Instant, limit: int) -> bool:
        """Remove up to ``limit`` texts of one campaign that ended before ``before``.

        Numbers, states and short links stay. Such a campaign can no longer be retried. Returns
        False if there was none.
        """

        def work(connection: Connection) -> bool:
            campaign_id = connection.execute(_NEXT, {"before": before}).scalar()
            if campaign_id is None:
                return False
            values = {"campaign": campaign_id, "limit": limit, "now": now}
            if connection.execute(_BEGIN, values).rowcount:
                steps = (_REMOVE, _REMOVE_OF_ATTEMPTS)
                if all(connection.execute(step, values).rowcount < limit for step in steps):
                    connection.execute(_END, values)
            return True

        return self._database.write(work)

    def remove_inbound(self, before: Instant, limit: int) -> bool:
        """Remove up to ``limit`` texts of each kind that were received before ``before``.

        Returns False if there were none.
        """
        values = {"before": before, "limit": limit}
        return self._database.write(
            lambda connection: (
                sum(connection.execute(statement, values).rowcount for statement in INBOUND) > 0
            )
        )

    def scrub(self) -> None:
        """Overwrite what was removed where the database keeps it for a while."""
        self._database.checkpoint()
