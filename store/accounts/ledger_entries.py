"""The entries of the ledger of an account, newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.credits import CreditKind
from campaign.instants import DAY, Instant
from store.database.engine import Database

# A campaign of the sandbox is free: its entries are zero.
_PAGE = """
    SELECT e.id, e.kind, e.movement, e.amount, e.at, e.campaign_id, c.name
    FROM ledger_entry e LEFT JOIN campaign c ON c.id = e.campaign_id
    WHERE e.account_id = :account AND e.amount <> 0{after}
    ORDER BY e.at DESC, e.id DESC
    LIMIT :limit
"""
_FIRST = text(_PAGE.format(after=""))
_AFTER = text(_PAGE.format(after=" AND (e.at, e.id) < (:at, :id)"))

_DAYS = text("""
    SELECT at / CAST(:day AS BIGINT) AS day, kind, SUM(amount) AS spent
    FROM ledger_entry
    WHERE account_id = :account AND movement = 'post' AND at >= :since
    GROUP BY day, kind
    ORDER BY day DESC
""")


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One movement of ``amount`` whole credits of a kind: "grant", "hold", "post" or "void".

    Only a grant can be negative. ``campaign_name`` is None for a campaign without a name, and for
    a grant.
    """

    id: str
    kind: CreditKind
    movement: str
    amount: int
    at: Instant
    campaign_id: str | None
    campaign_name: str | None


class LedgerEntries:
    """Reads the entries; :mod:`store.shared.ledger` writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, account_id: str, limit: int = 50, before: tuple[Instant, str] | None = None
    ) -> Sequence[LedgerEntry]:
        """A page of entries; ``before`` is the instant and the id of the last one seen."""
        values: dict[str, object] = {"account": account_id, "limit": limit}
        if before is not None:
            values["at"], values["id"] = before
        query = _FIRST if before is None else _AFTER
        return self._database.read(
            lambda connection: [
                LedgerEntry(row.id, CreditKind(row.kind), *row[2:])
                for row in connection.execute(query, values)
            ]
        )

    def spent_by_day(
        self, account_id: str, since: Instant
    ) -> Mapping[Instant, Mapping[CreditKind, int]]:
        """The credits spent on each UTC day from ``since`` on that has any, the latest first.

        A day is named by its first instant.
        """
        values = {"account": account_id, "since": since, "day": DAY}

        def work(connection: Connection) -> Mapping[Instant, Mapping[CreditKind, int]]:
            found: dict[Instant, dict[CreditKind, int]] = {}
            for row in connection.execute(_DAYS, values):
                found.setdefault(row.day * DAY, {})[CreditKind(row.kind)] = int(row.spent)
            return found

        return self._database.read(work)
