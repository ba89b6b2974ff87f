"""Who gets nothing more of a campaign: those who opted out, were erased, or left their list."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from campaign.people import ERASED
from store.database.engine import Database, json_rows
from store.sending.list_departures import left_since
from store.sending.rows import DueMessage
from store.sending.statements import OWNER
from store.shared.erased_numbers import ErasedNumbers

_WANTS_NOTHING = text("""
    SELECT 1 FROM campaign c JOIN opt_out o ON o.account_id = c.account_id
    WHERE c.id = :campaign AND c.exclude_opt_outs AND o.number = :number
""")


class Unwanted:
    """Finds them inside the transaction that claims their messages."""

    def __init__(self, database: Database, erased_numbers: ErasedNumbers) -> None:
        self._erased_numbers = erased_numbers
        # An IN of so many parameters would cost three times as much in SQLAlchemy as to run.
        self._opted_out = text(f"""
            SELECT number FROM opt_out
            WHERE account_id = :account
                AND number IN (SELECT r.recipient FROM {database.rowset("recipient TEXT")})
        """)

    def reasons(
        self,
        connection: Connection,
        account_id: str,
        exclude_opt_outs: bool,
        campaign_id: str,
        found: Sequence[DueMessage],
    ) -> Mapping[int, str]:
        """Return by position why a message is skipped: "opted_out", "left_list" or "erased"."""
        reasons = dict.fromkeys(left_since(connection, campaign_id, found), "left_list")
        opted_out: set[str] = set()
        if exclude_opt_outs:
            numbers = [row.recipient for row in found]
            rows = json_rows([{"recipient": number} for number in numbers])
            values = {"account": account_id, "rows": rows}
            opted_out.update(connection.execute(self._opted_out, values).scalars())
            opted_out |= self._erased_numbers.among(connection, account_id, numbers)
        for row in found:
            if row.recipient in opted_out:
                reasons[row.position] = "opted_out"
            elif row.recipient == ERASED:
                reasons[row.position] = ERASED
        return reasons

    def wants_nothing(self, connection: Connection, campaign_id: str, number: str) -> bool:
        """Tell whether a number has opted out or was erased, if the campaign excludes those."""
        values = {"campaign": campaign_id, "number": number}
        if connection.execute(_WANTS_NOTHING, values).first() is not None:
            return True
        owner = connection.execute(OWNER, values).one()
        return bool(
            owner.exclude_opt_outs
            and self._erased_numbers.among(connection, owner.account_id, [number])
        )
