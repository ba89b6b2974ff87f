"""Removes messages that are kept for a limited time only, in small steps.

The campaign stays with its counts, credits and ledger entries. What its report and the audit need
of its messages is added up in ``removed_message``, ``removed_attempt`` and ``removed_click`` in the
transaction that deletes them, so that live and removed messages together are always all of them.
"""

from collections.abc import Sequence

from sqlalchemy import BindParameter, Connection, TextClause, bindparam, text

from campaign.credits import CreditKind
from campaign.instants import Instant
from campaign.keys import KEY_LIFE
from campaign.states import CAMPAIGN_ENDS, GIVEN_UP, HANDED_OFF, MessageStatus
from store.database.engine import Database
from store.shared.prices import PRICE_SUMS

_ENDS: BindParameter[object] = bindparam(
    "ends", [status.value for status in CAMPAIGN_ENDS], expanding=True
)
# A message in doubt holds credits, and a receipt or an operator may still settle it. The states of
# an ended campaign's messages are named, because the index by status begins with them.
_OPEN: BindParameter[object] = bindparam(
    "open",
    sorted({status.value for status in MessageStatus} - {*HANDED_OFF, *GIVEN_UP}),
    expanding=True,
)
_CAN_GO = """
    messages_kept AND status IN :ends AND finished_at < :before AND NOT EXISTS (
        SELECT 1 FROM message WHERE message.campaign_id = campaign.id AND message.status IN :open
    )
"""
_NEXT = text(f"""
    SELECT id FROM campaign WHERE {_CAN_GO} ORDER BY finished_at LIMIT 1
""").bindparams(_ENDS, _OPEN)
# It locks the campaign, so that no retry begins and no other process takes the same step.
_BEGIN = text(f"""
    UPDATE campaign SET messages_removed_at = COALESCE(messages_removed_at, :now)
    WHERE id = :campaign AND {_CAN_GO}
    RETURNING account_id
""").bindparams(_ENDS, _OPEN)
_END = text("""
    UPDATE campaign
    SET messages_kept = FALSE, template = NULL,
        texts_removed_at = COALESCE(NULLIF(texts_removed_at, 0), :now)
    WHERE id = :campaign
""")
_BATCH = "campaign_id = :campaign AND position <= :last"
_IDS = f"(SELECT id FROM message WHERE {_BATCH})"
_LINKS = f"(SELECT code FROM link WHERE message_id IN {_IDS})"


def _adding(table: str, groups: Sequence[str], sums: Sequence[str], others: str = "") -> str:
    """The end of an INSERT that adds its sums to those of earlier steps."""
    added = [f"{name} = {table}.{name} + excluded.{name}" for name in sums]
    keys = ", ".join(("campaign_id", *groups))
    return f"ON CONFLICT ({keys}) DO UPDATE SET {', '.join(added)}{others}"


_EARLIER = """
    CASE WHEN removed_message.first_sent_at < excluded.first_sent_at
        OR excluded.first_sent_at IS NULL
    THEN removed_message.first_sent_at ELSE excluded.first_sent_at END
"""
_LATER = _EARLIER.replace("first", "last").replace("<", ">")
_PRICES = [f"credits_{kind}" for kind in CreditKind]
_COUNTS = ["messages", "attempts", "segments", "segments_sent"]
_ADD = (
    f"""
    INSERT INTO removed_message (campaign_id, status, reason, country,
        {", ".join(_COUNTS)}, {", ".join(_PRICES)}, first_sent_at, last_sent_at)
    SELECT campaign_id, status, COALESCE(reason, error, ''), COALESCE(country, ''),
        count(*), sum(attempts), sum(segments),
        sum(CASE WHEN sent_at IS NULL THEN 0 ELSE segments END),
        {PRICE_SUMS}, min(sent_at), max(sent_at)
    FROM message WHERE {_BATCH}
    GROUP BY campaign_id, status, COALESCE(reason, error, ''), COALESCE(country, '')
    {
        _adding(
            "removed_message",
            ("status", "reason", "country"),
            (*_COUNTS, *_PRICES),
            f", first_sent_at = {_EARLIER}, last_sent_at = {_LATER}",
        )
    }
    """,
    f"""
    INSERT INTO removed_attempt (campaign_id, carrier, outcome, code, attempts)
    SELECT campaign_id, COALESCE(carrier, ''), COALESCE(outcome, ''), COALESCE(code, ''), count(*)
    FROM attempt WHERE {_BATCH}
    GROUP BY campaign_id, COALESCE(carrier, ''), COALESCE(outcome, ''), COALESCE(code, '')
    {_adding("removed_attempt", ("carrier", "outcome", "code"), ("attempts",))}
    """,
    f"""
    INSERT INTO removed_click (campaign_id, total, people, previews)
    SELECT campaign_id, sum(CASE WHEN preview THEN 0 ELSE 1 END),
        count(DISTINCT CASE WHEN preview THEN NULL ELSE message_id END),
        sum(CASE WHEN preview THEN 1 ELSE 0 END)
    FROM link_click WHERE code IN {_LINKS}
    GROUP BY campaign_id
    {_adding("removed_click", (), ("total", "people", "previews"))}
    """,
)
# A key that is still spent or claimed stays until it is free.
_DELETE = (
    f"DELETE FROM link_click WHERE code IN {_LINKS}",
    f"DELETE FROM link WHERE message_id IN {_IDS}",
    f"DELETE FROM reply_option WHERE message_id IN {_IDS}",
    f"""
    DELETE FROM recipient_key
    WHERE account_id = :account AND campaign_id = :campaign AND free_at <= :now
        AND key IN (SELECT key FROM message WHERE {_BATCH} AND key IS NOT NULL)
    """,
    f"DELETE FROM attempt WHERE {_BATCH}",
    f"DELETE FROM message WHERE {_BATCH}",
)
_STEPS: Sequence[TextClause] = [text(statement) for statement in (*_ADD, *_DELETE)]


class MessageRemoval:
    """Removes old messages; every step is one transaction, and safe to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock_batch = text(f"""
            SELECT position FROM message WHERE campaign_id = :campaign
            ORDER BY position LIMIT :limit{database.for_update}
        """)
        # A visit under way is counted before its link goes.
        self._lock_links = text(f"""
            SELECT code FROM link WHERE message_id IN {_IDS}{database.for_update}
        """)

    def remove(self, before: Instant, now: Instant, limit: int) -> bool:
        """Remove up to ``limit`` messages of one campaign that ended before ``before``.

        With them go their attempts, links, clicks, reply options and free keys; ``before`` is at
        least as long ago as a key lives. A campaign with a message in doubt is passed over. Returns
        False if there was nothing to remove.
        """
        values = {"before": min(before, now - KEY_LIFE), "now": now, "limit": limit}

        def work(connection: Connection) -> bool:
            campaign_id = connection.execute(_NEXT, values).scalar()
            if campaign_id is None:
                return False
            of = {**values, "campaign": campaign_id}
            account_id = connection.execute(_BEGIN, of).scalar()
            if account_id is None:
                return True
            positions = connection.execute(self._lock_batch, of).scalars().all()
            if positions:
                of |= {"account": account_id, "last": max(positions)}
                connection.execute(self._lock_links, of).all()
                for step in _STEPS:
                    connection.execute(step, of)
            if len(positions) < limit:
                connection.execute(_END, of)
            return True

        return self._database.write(work)
