"""The numbers that were erased, as keyed hashes: they stay opted out of their account's messages.

Every function works inside its caller's transaction.
"""

from collections.abc import Collection

from sqlalchemy import Connection, text

from campaign.instants import INSTANT_MAX, Instant
from store.database.engine import Database, json_rows
from store.database.secrets import Sealer

_ANY = text("SELECT 1 FROM erased_number WHERE account_id = :account LIMIT 1")
_ADD = text("""
    INSERT INTO erased_number (account_id, hash, erased_at) VALUES (:account, :hash, :now)
    ON CONFLICT (account_id, hash) DO NOTHING
""")
_REMOVE = text("""
    DELETE FROM erased_number
    WHERE account_id = :account AND hash = :hash AND erased_at < :before
""")
_ERASED_AT = text(
    "SELECT erased_at FROM erased_number WHERE account_id = :account AND hash = :hash"
)


class ErasedNumbers:
    """Finds the numbers (canonical E.164) of an account that were erased.

    Hashes are keyed by GODWIT_SECRET_KEY and differ from account to account; with another secret
    key none is found.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._sealer = sealer
        self._found = text(f"""
            SELECT hash FROM erased_number
            WHERE account_id = :account
                AND hash IN (SELECT r.hash FROM {database.rowset("hash TEXT")})
        """)

    def subject(self, account_id: str, number: str) -> str:
        """Name a number, in the record of who did what, by its keyed hash."""
        (hash,) = self._sealer.hash_people(account_id, [number])
        return f"person:{hash[:32]}"

    def has_any(self, connection: Connection, account_id: str) -> bool:
        """Tell whether a number of the account was ever erased."""
        return connection.execute(_ANY, {"account": account_id}).first() is not None

    def among(self, connection: Connection, account_id: str, numbers: Collection[str]) -> set[str]:
        """Return those of the numbers that were erased; costs one look-up if none ever was."""
        if not numbers or not self.has_any(connection, account_id):
            return set()
        hashes = self._sealer.hash_people(account_id, numbers)
        rows = json_rows([{"hash": hash} for hash in hashes])
        found = connection.execute(self._found, {"account": account_id, "rows": rows}).scalars()
        return {hashes[hash] for hash in found}

    def add(self, connection: Connection, account_id: str, number: str, now: Instant) -> None:
        """Record that a number was erased; a second run keeps the first instant."""
        connection.execute(_ADD, {**self._values(account_id, number), "now": now})

    def remove(
        self, connection: Connection, account_id: str, number: str, before: Instant = INSTANT_MAX
    ) -> bool:
        """Let a number that was erased ``before`` receive messages again; False for any other."""
        if not self.has_any(connection, account_id):
            return False
        values = {**self._values(account_id, number), "before": before}
        return connection.execute(_REMOVE, values).rowcount > 0

    def erased_at(self, connection: Connection, account_id: str, number: str) -> Instant | None:
        """When a number was erased, None if it was not."""
        if not self.has_any(connection, account_id):
            return None
        return connection.execute(_ERASED_AT, self._values(account_id, number)).scalar()

    def _values(self, account_id: str, number: str) -> dict[str, object]:
        (hash,) = self._sealer.hash_people(account_id, [number])
        return {"account": account_id, "hash": hash}
