"""Who wants nothing more from an account."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.instants import Instant
from campaign.phone import canonical_number
from store.database.engine import Database


@dataclass(frozen=True, slots=True)
class OptOutView:
    """One number that opted out, how and when."""

    number: str
    source: str
    created_at: Instant


class OptOuts:
    """Opted-out numbers (canonical E.164) in the database, in whatever form they are given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, account_id: str, number: str, source: str, now: Instant) -> bool:
        """Silence a number for an account; False when it was silent already."""
        query = text(
            "INSERT INTO opt_out (account_id, number, source, created_at) "
            "VALUES (:account, :number, :source, :now) ON CONFLICT DO NOTHING"
        )
        number = canonical_number(number) or number
        values = {"account": account_id, "number": number, "source": source, "now": now}
        return self._database.write(
            lambda connection: connection.execute(query, values).rowcount > 0
        )

    def remove(self, account_id: str, number: str) -> bool:
        """Let a number be sent to again; False when it was not silent."""
        query = text("DELETE FROM opt_out WHERE account_id = :account AND number = :number")
        values = {"account": account_id, "number": canonical_number(number) or number}
        return self._database.write(
            lambda connection: connection.execute(query, values).rowcount > 0
        )

    def list(
        self, account_id: str, limit: int = 100, after: str | None = None
    ) -> Sequence[OptOutView]:
        """Silent numbers in order; ``after`` is the last number seen."""
        query = text(
            "SELECT number, source, created_at FROM opt_out "
            "WHERE account_id = :account AND number > :after ORDER BY number LIMIT :limit"
        )
        values = {"account": account_id, "after": after or "", "limit": limit}
        return self._database.read(
            lambda connection: [OptOutView(*row) for row in connection.execute(query, values)]
        )

    def get(self, account_id: str, number: str) -> OptOutView | None:
        """One silent number; None when it is not silent."""
        query = text(
            "SELECT number, source, created_at FROM opt_out "
            "WHERE account_id = :account AND number = :number"
        )
        values = {"account": account_id, "number": canonical_number(number) or number}

        def work(connection: Connection) -> OptOutView | None:
            row = connection.execute(query, values).first()
            return None if row is None else OptOutView(*row)

        return self._database.read(work)

    def contains(self, account_id: str, number: str) -> bool:
        """Tell whether a number is silent for an account."""
        query = text("SELECT 1 FROM opt_out WHERE account_id = :account AND number = :number")
        values = {"account": account_id, "number": canonical_number(number) or number}
        return self._database.read(
            lambda connection: connection.execute(query, values).first() is not None
        )

    def owners(self, address: str) -> Sequence[str]:
        """The accounts that send from an address, to which an inbound text is news."""
        query = text("SELECT account_id FROM sender WHERE address = :address AND active")
        return self._database.read(
            lambda connection: list(connection.execute(query, {"address": address}).scalars())
        )
