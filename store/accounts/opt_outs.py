"""The numbers that opted out of an account's messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, text
from sqlmodel import col, delete, select

from campaign.instants import Instant
from campaign.phone import canonical_number
from store.database.engine import Database
from store.tables import OptOut, SenderRow

_ADD = text("""
    INSERT INTO opt_out (account_id, number, source, created_at)
    VALUES (:account_id, :number, :source, :created_at)
    ON CONFLICT (account_id, number) DO NOTHING
""")
_VIEW = select(OptOut.number, OptOut.source, OptOut.created_at)
_GET = _VIEW.where(
    OptOut.account_id == bindparam("account_id"), OptOut.number == bindparam("number")
)
_OWNERS = select(SenderRow.account_id).where(
    col(SenderRow.address).in_([bindparam("address"), bindparam("canonical")]),
    col(SenderRow.active),
)


@dataclass(frozen=True, slots=True)
class OptOutView:
    """A number that opted out, the source ("inbound", "api" …) and when."""

    number: str
    source: str
    created_at: Instant


class OptOuts:
    """Opted-out numbers in the database; every method is one transaction.

    A number is taken in any form that ``canonical_number`` reads, and stored as E.164.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, account_id: str, number: str, source: str, now: Instant) -> bool:
        """Opt a number out; returns False, and changes nothing, if it was opted out already."""
        values = {
            "account_id": account_id,
            "number": _stored(number),
            "source": source,
            "created_at": now,
        }
        return self._database.write(
            lambda connection: connection.execute(_ADD, values).rowcount > 0
        )

    def remove(self, account_id: str, number: str) -> bool:
        """Opt a number in again; returns False if it was not opted out."""
        query = delete(OptOut).where(
            col(OptOut.account_id) == account_id, col(OptOut.number) == _stored(number)
        )
        return self._database.write(lambda connection: connection.execute(query).rowcount > 0)

    def list(
        self, account_id: str, limit: int = 100, after: str | None = None
    ) -> Sequence[OptOutView]:
        """A page of opted-out numbers in order; ``after`` is the last one of the page before."""
        query = (
            _VIEW.where(OptOut.account_id == account_id, OptOut.number > (after or ""))
            .order_by(OptOut.number)
            .limit(limit)
        )
        return self._database.read(
            lambda connection: [OptOutView(*row) for row in connection.execute(query)]
        )

    def page(self, account_id: str, limit: int, offset: int) -> tuple[Sequence[OptOutView], int]:
        """A page of opted-out numbers in order, from the one at ``offset`` on, and how many are."""
        ours = OptOut.account_id == account_id
        query = _VIEW.where(ours).order_by(OptOut.number).limit(limit).offset(offset)
        counting = select(func.count()).select_from(OptOut).where(ours)

        def work(connection: Connection) -> tuple[Sequence[OptOutView], int]:
            found = [OptOutView(*row) for row in connection.execute(query)]
            return found, connection.execute(counting).scalar_one()

        return self._database.read_snapshot(work)

    def get(self, account_id: str, number: str) -> OptOutView | None:
        """One opted-out number; None if it is not opted out."""
        values = {"account_id": account_id, "number": _stored(number)}
        row = self._database.read(lambda connection: connection.execute(_GET, values).first())
        return None if row is None else OptOutView(*row)

    def contains(self, account_id: str, number: str) -> bool:
        """Tell whether a number is opted out of an account's messages."""
        return self.get(account_id, number) is not None

    def owners(self, address: str) -> Sequence[str]:
        """The ids of the accounts that send from an address: an inbound text concerns them all."""
        values = {"address": address, "canonical": _stored(address)}
        return self._database.read(lambda connection: connection.scalars(_OWNERS, values).all())


def _stored(number: str) -> str:
    return canonical_number(number) or number
