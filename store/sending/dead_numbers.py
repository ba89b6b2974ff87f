"""Numbers that carriers call dead for good: they get no further message of the account."""

from sqlalchemy import bindparam, text

from campaign.instants import Instant
from campaign.keywords import Keyword, OptOutEvidence
from campaign.retry import DEAD_NUMBER
from store.accounts.opt_outs import OptOuts
from store.database.engine import Database

AT_ONCE = 500
# What failed before the number opted in again, or was opted in, no longer counts.
_FIND = text("""
    SELECT c.account_id, m.recipient, max(m.final_at) AS last_at, max(m.id) AS id,
        max(m.error) AS reason
    FROM message m
    JOIN campaign c ON c.id = m.campaign_id
    LEFT JOIN opt_out_state s ON s.account_id = c.account_id AND s.number = m.recipient
    WHERE m.status IN ('failed', 'undelivered') AND m.error IN :dead
        AND m.final_at > COALESCE(s.started_at, 0) AND NOT c.sandbox
        AND NOT EXISTS (
            SELECT 1 FROM opt_out o
            WHERE o.account_id = c.account_id AND o.number = m.recipient
        )
    GROUP BY c.account_id, m.recipient
    HAVING count(*) >= :failures_min
    ORDER BY c.account_id, m.recipient
    LIMIT :limit
""").bindparams(bindparam("dead", sorted(DEAD_NUMBER), expanding=True))


class DeadNumbers:
    """Suppresses numbers after so many failures for good, as opt-outs of the source "carrier"."""

    def __init__(self, database: Database, opt_outs: OptOuts) -> None:
        self._database = database
        self._opt_outs = opt_outs

    def suppress(self, failures_min: int, now: Instant) -> int:
        """Suppress at most ``AT_ONCE`` numbers with so many failures; return how many.

        A second run changes nothing: a number that is opted out is passed over.
        """
        values = {"failures_min": failures_min, "limit": AT_ONCE}
        found = self._database.read(lambda connection: connection.execute(_FIND, values).all())
        return sum(
            self._opt_outs.apply(
                row.account_id,
                row.recipient,
                Keyword.STOP,
                now,
                f"dead:{row.id}:{row.last_at}",
                OptOutEvidence("carrier", reason=row.reason),
                now,
            )
            for row in found
        )
