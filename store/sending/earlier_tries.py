"""Tries of claimed messages that a carrier may have accepted without the store's knowledge."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from campaign.handoffs import EarlierTry
from campaign.instants import Instant
from campaign.retry import NOT_ACCEPTED
from store.database.engine import Database, json_rows
from store.sending.rows import DueMessage


class EarlierTries:
    """Finds the tries that are looked up before the next one; ``carriers`` are those in use."""

    def __init__(self, database: Database, carriers: Sequence[str]) -> None:
        self._carriers = carriers
        self._denied = text(f"""
            SELECT a.position, COALESCE(a.carrier, '') AS carrier, min(a.started_at) AS at
            FROM {database.rowset("campaign_id TEXT, position BIGINT")}
            JOIN attempt a ON a.campaign_id = r.campaign_id AND a.position = r.position
            WHERE a.code = :not_accepted
            GROUP BY a.position, COALESCE(a.carrier, '')
            ORDER BY a.position, at
        """)

    def of(
        self,
        connection: Connection,
        campaign_id: str,
        claimed: Sequence[DueMessage],
        look_up_since: Instant | None,
    ) -> dict[int, list[EarlierTry]]:
        """Return by position which carriers may have accepted earlier tries, and since when.

        A carrier that denied a try may have accepted it afterwards. With ``look_up_since`` the
        store is an older copy: any carrier may have accepted any message since then.
        """
        if look_up_since is not None:
            tries = [EarlierTry(carrier, look_up_since) for carrier in self._carriers]
            return {row.position: tries for row in claimed}
        rows = [
            {"campaign_id": campaign_id, "position": row.position}
            for row in claimed
            if row.attempts > 0
        ]
        found: dict[int, list[EarlierTry]] = {}
        if rows:
            values = {"rows": json_rows(rows), "not_accepted": NOT_ACCEPTED}
            for row in connection.execute(self._denied, values):
                found.setdefault(row.position, []).append(EarlierTry(row.carrier, row.at))
        return found
