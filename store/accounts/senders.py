"""The senders of accounts: given by the operator, or requested by an account and approved.

An address has one owner: an account, or the number pool. The primary key of ``sender_owner``
decides every race. A request owns nothing, so that nobody can keep an address from its owner by
requesting it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, text
from sqlmodel import Session, and_, case, col, delete, select, update

from campaign.activity import Action
from campaign.instants import Instant
from campaign.phone import SenderKind, sender_kind
from store.database.engine import Database, StoreError
from store.shared.activity import record
from store.shared.sender_use import check_unused, waiting_by_sender
from store.tables import RateRow, SenderRow

# An account has at most this many requests that wait for the operator.
REQUESTS_MAX = 20

# Addresses that the store has had for two accounts since before it had owners keep working.
_IS_OTHERS = """
    EXISTS (
        SELECT 1 FROM sender_owner o
        WHERE o.name = :name AND (o.account_id IS NULL OR o.account_id <> :account)
    ) OR EXISTS (
        SELECT 1 FROM sender s
        WHERE lower(s.address) = :name AND s.account_id <> :account AND s.status = 'approved'
    )
"""
_OWN = text(f"""
    INSERT INTO sender_owner (name, account_id)
    SELECT CAST(:name AS VARCHAR), CAST(:account AS VARCHAR)
    WHERE NOT ({_IS_OTHERS})
    ON CONFLICT (name) DO NOTHING
""")
_OWNER = text("SELECT account_id FROM sender_owner WHERE name = :name")
_APPROVE = text("""
    INSERT INTO sender (account_id, address, kind, active, status, created_at)
    VALUES (:account, :address, :kind, TRUE, 'approved', :now)
    ON CONFLICT (account_id, address) DO UPDATE SET status = 'approved', active = TRUE
    WHERE sender.status = 'requested'
""")
_REQUEST = text(f"""
    INSERT INTO sender (account_id, address, kind, active, status, created_at)
    SELECT CAST(:account AS VARCHAR), CAST(:address AS VARCHAR), CAST(:kind AS VARCHAR),
        FALSE, 'requested', CAST(:now AS BIGINT)
    WHERE NOT ({_IS_OTHERS}) AND (
        SELECT count(*) FROM sender WHERE account_id = :account AND status = 'requested'
    ) < {REQUESTS_MAX}
    ON CONFLICT (account_id, address) DO NOTHING
""")
_IS_TAKEN = text(f"SELECT 1 WHERE {_IS_OTHERS}")
_GIVE_UP = text("""
    DELETE FROM sender_owner
    WHERE name = :name AND account_id = :account AND NOT EXISTS (
        SELECT 1 FROM sender
        WHERE account_id = :account AND lower(address) = :name AND status = 'approved'
    )
""")
_REQUESTS = text("""
    SELECT a.id AS account_id, a.name AS account_name, s.address, s.kind, s.created_at
    FROM sender s JOIN account a ON a.id = s.account_id
    WHERE s.status = 'requested'
    ORDER BY s.created_at, a.id, s.address
""")
_OF_ACCOUNTS: BindParameter[str] = bindparam("account_ids", expanding=True)
# The scope is that of campaign.rates.sender_scope.
_SENDERS = (
    select(SenderRow, RateRow.rate)
    .outerjoin(
        RateRow,
        col(RateRow.scope) == "sender:" + col(SenderRow.account_id) + ":" + col(SenderRow.address),
    )
    .where(col(SenderRow.account_id).in_(_OF_ACCOUNTS))
    .order_by(
        col(SenderRow.created_at),
        case({"long_code": 0, "short_code": 1}, value=col(SenderRow.kind), else_=2),
        SenderRow.address,
    )
)


class SenderStatus(StrEnum):
    """Whether an account may send from an address, or only asked to."""

    REQUESTED = "requested"
    APPROVED = "approved"


class SenderTaken(StoreError):
    """The address is another account's, or a number of the pool."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} belongs to another account or to the number pool")


@dataclass(frozen=True, slots=True)
class SenderView:
    """An address that an account may send from, or asked to.

    ``rate`` is in segments per second, None for no limit. ``carriers`` names the carriers to try
    in order, separated by commas, None for those of the account. A requested one is not active.
    """

    address: str
    kind: str
    active: bool
    rate: float | None = None
    carriers: str | None = None
    status: str = SenderStatus.APPROVED


@dataclass(frozen=True, slots=True)
class SenderRequest:
    """An address that waits for the operator, and the account that requested it."""

    account_id: str
    account_name: str
    address: str
    kind: str
    created_at: Instant


class Senders:
    """Senders in the database; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, account_id: str, address: str, now: Instant) -> SenderView:
        """Ask the operator for an address; a second run, or one for an own sender, changes nothing.

        Raises SenderTaken, and StoreError if the address cannot be a sender or ``REQUESTS_MAX``
        requests of the account wait already.
        """
        kind = _kind_of(address)
        values = _values(account_id, address, now) | {"kind": kind.value}

        def work(connection: Connection) -> SenderView:
            if connection.execute(_REQUEST, values).rowcount:
                record(connection, Action.SENDER_REQUESTED, address, account=account_id)
            view = _own_view(connection, account_id, address)
            if view is not None:
                return view
            if connection.execute(_IS_TAKEN, values).first() is not None:
                raise SenderTaken(address)
            raise StoreError(f"{REQUESTS_MAX} requests for senders wait for approval already")

        return self._database.write(work)

    def approve(self, account_id: str, address: str, now: Instant) -> SenderView:
        """Approve an address that the account requested; a second run changes nothing.

        Raises SenderTaken, and StoreError if the account neither requested nor has the address.
        """

        def work(connection: Connection) -> SenderView:
            if _own_view(connection, account_id, address) is None:
                raise StoreError(f"the account did not request {address!r}")
            return give_sender(connection, account_id, address, now)

        return self._database.write(work)

    def requests(self) -> Sequence[SenderRequest]:
        """All requests that wait for the operator, oldest first."""
        return self._database.read(
            lambda connection: [SenderRequest(*row) for row in connection.execute(_REQUESTS)]
        )

    def waiting(self, account_id: str) -> Mapping[str, int]:
        """How many messages wait to leave from each sender of an account, by its lower case."""
        return self._database.read(lambda connection: waiting_by_sender(connection, account_id))

    def set_carriers(self, account_id: str, address: str, carriers: str | None) -> None:
        """Set the carriers of a sender (see :class:`SenderView`); None uses the account's."""
        query = update(SenderRow).where(_is_sender(account_id, address)).values(carriers=carriers)

        def work(connection: Connection) -> None:
            own = _own_view(connection, account_id, address)
            if own is not None and connection.execute(query).rowcount:
                record(
                    connection,
                    Action.SENDER_CHANGED,
                    address,
                    account=account_id,
                    before={"carriers": own.carriers},
                    after={"carriers": carriers},
                )

        self._database.write(work)

    def remove(self, account_id: str, address: str) -> bool:
        """Remove a sender or a request, and free its address; returns False if there was none.

        Raises SenderInUse, and changes nothing, while messages of the account wait to leave from
        it.
        """
        query = delete(SenderRow).where(_is_sender(account_id, address))

        def work(connection: Connection) -> bool:
            own = _own_view(connection, account_id, address)
            if own is not None and own.status == SenderStatus.APPROVED:
                check_unused(connection, address, account_id)
            removed = connection.execute(query).rowcount > 0
            connection.execute(_GIVE_UP, {"name": address.lower(), "account": account_id})
            if removed:
                record(connection, Action.SENDER_REMOVED, address, account=account_id)
            return removed

        return self._database.write(work)


def give_sender(connection: Connection, account_id: str, address: str, now: Instant) -> SenderView:
    """Give an account an address inside the caller's transaction; a second run changes nothing.

    Raises SenderTaken, and StoreError if the address cannot be a sender.
    """
    kind = _kind_of(address)
    own = _own_view(connection, account_id, address)
    if own is not None and own.status == SenderStatus.APPROVED:
        return own
    values = _values(account_id, address, now)
    connection.execute(_OWN, values)
    if connection.execute(_OWNER, values).scalar() != account_id:
        raise SenderTaken(address)
    connection.execute(_APPROVE, values | {"kind": kind.value})
    record(connection, Action.SENDER_ADDED, address, account=account_id)
    return SenderView(address, kind.value, True)


def senders_of(
    connection: Connection, account_ids: Sequence[str]
) -> Mapping[str, Sequence[SenderView]]:
    """The senders and requests of accounts, oldest first, by account id."""
    found: dict[str, list[SenderView]] = {}
    for row, rate in Session(connection).exec(_SENDERS, params={"account_ids": account_ids}):
        view = SenderView(row.address, row.kind, row.active, rate, row.carriers, row.status)
        found.setdefault(row.account_id, []).append(view)
    return found


def _own_view(connection: Connection, account_id: str, address: str) -> SenderView | None:
    query = select(SenderRow.kind, SenderRow.active, SenderRow.carriers, SenderRow.status)
    row = connection.execute(query.where(_is_sender(account_id, address))).first()
    if row is None:
        return None
    return SenderView(address, row.kind, row.active, None, row.carriers, row.status)


def _kind_of(address: str) -> SenderKind:
    kind = sender_kind(address)
    if kind is None:
        raise StoreError(
            f"{address!r} is no sender: give +E.164, a short code of 5-6 digits, or 1-11 letters, "
            "digits and spaces with at least one letter"
        )
    return kind


def _values(account_id: str, address: str, now: Instant) -> dict[str, object]:
    # A name that differs in case alone looks like the same sender to the recipient.
    return {"account": account_id, "address": address, "name": address.lower(), "now": now}


def _is_sender(account_id: str, address: str) -> ColumnElement[bool]:
    return and_(SenderRow.account_id == account_id, SenderRow.address == address)
