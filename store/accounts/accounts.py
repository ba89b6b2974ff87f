"""Accounts with their credits and senders."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, text
from sqlalchemy.exc import IntegrityError

from campaign.credits import CreditKind
from campaign.ids import ID_BYTES, make_id
from campaign.instants import Instant
from campaign.phone import sender_kind
from store.accounts.api_keys import ApiKeys, KeyPair
from store.database.engine import Database, StoreError
from store.database.secrets import Sealer
from store.tables import Account, Credit

ACCOUNT_PREFIX = "acc_"
SID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SWITCHES = ("active", "daily_quota", "strict_uniform", "strict_keys", "auto_key", "carriers")

_GRANT_ENTRY = text(
    "INSERT INTO ledger_entry (id, account_id, campaign_id, kind, movement, amount, at) "
    "VALUES (:id, :account, NULL, :kind, 'grant', :amount, :at) ON CONFLICT (id) DO NOTHING"
)
_GRANT = text(
    "UPDATE credit SET granted = granted + :amount, available = available + :amount "
    "WHERE account_id = :account AND kind = :kind AND available + :amount >= 0"
)
_ADD_SENDER = text(
    "INSERT INTO sender (account_id, address, kind, active, created_at) "
    "VALUES (:account_id, :address, :kind, :active, :created_at) "
    "ON CONFLICT (account_id, address) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Balance:
    """Credits of one kind; granted = available + held + posted."""

    granted: int
    available: int
    held: int
    posted: int


@dataclass(frozen=True, slots=True)
class SenderView:
    """Something an account may send from.

    ``rate`` is in segments per second, None for as fast as can be; ``carriers`` is an order of
    carriers, None for the account's.
    """

    address: str
    kind: str
    active: bool
    rate: float | None = None
    carriers: str | None = None


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with its balances and senders."""

    id: str
    name: str
    property_sid: str
    active: bool
    daily_quota: int | None
    strict_uniform: bool
    strict_keys: bool
    auto_key: str
    carriers: str | None
    balances: Mapping[CreditKind, Balance]
    senders: Sequence[SenderView]


class Accounts(ApiKeys):
    """Accounts in the database, and the key pairs that open them."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        super().__init__(database, sealer)

    def create(
        self,
        name: str,
        now: Instant,
        sms_credits: int = 0,
        mms_credits: int = 0,
        senders: Sequence[str] = (),
        daily_quota: int | None = None,
    ) -> tuple[AccountView, KeyPair]:
        """Make an account with a first key pair; raises StoreError on a taken name.

        All or nothing: a bad sender leaves no account behind.
        """
        account_id = make_id(ACCOUNT_PREFIX, secrets.token_bytes(ID_BYTES))
        values = {
            "id": account_id,
            "name": name,
            "property_sid": "S" + "".join(secrets.choice(SID_ALPHABET) for _ in range(31)),
            "created_at": now,
            "daily_quota": daily_quota,
        }
        credits = [{"account_id": account_id, "kind": kind.value} for kind in CreditKind]

        def work(connection: Connection) -> KeyPair:
            connection.execute(insert(Account), values)
            connection.execute(insert(Credit), credits)
            for address in senders:
                _add_sender(connection, account_id, address, now)
            grants = {CreditKind.SMS: sms_credits, CreditKind.MMS: mms_credits}
            for kind, amount in grants.items():
                _grant(connection, account_id, kind, amount, "opening", now)
            return self.write_key(connection, account_id, now, ("*",))

        try:
            pair = self._database.write(work)
        except IntegrityError as error:
            raise StoreError(f"there is an account named {name!r} already") from error
        view = self.show(account_id)
        assert view is not None
        return view, pair

    def show(self, id_or_name: str) -> AccountView | None:
        """One account by id or name."""
        query = text("SELECT * FROM account WHERE id = :wanted OR name = :wanted")

        def work(connection: Connection) -> AccountView | None:
            row = connection.execute(query, {"wanted": id_or_name}).first()
            return None if row is None else _view(connection, row)

        return self._database.read(work)

    def list(self) -> Sequence[AccountView]:
        """All accounts by name."""
        query = text("SELECT * FROM account ORDER BY name")
        return self._database.read(
            lambda connection: [_view(connection, row) for row in connection.execute(query).all()]
        )

    def update(self, account_id: str, **switches: object) -> AccountView:
        """Set switches of an account; raises StoreError for one that there is not."""
        for name in switches:
            if name not in SWITCHES:
                raise StoreError(f"an account has no switch {name!r}")
        sets = ", ".join(f"{name} = :{name}" for name in switches)
        values = {"account": account_id, **switches}
        self._database.write(
            lambda connection: connection.execute(
                text(f"UPDATE account SET {sets} WHERE id = :account"), values
            )
        )
        view = self.show(account_id)
        if view is None:
            raise StoreError("no such account")
        return view

    def grant(
        self, account_id: str, kind: CreditKind, amount: int, reference: str, now: Instant
    ) -> Balance:
        """Add credits (a negative amount takes back); the same reference counts once.

        Raises StoreError when less is available than is taken back.
        """

        def work(connection: Connection) -> Balance:
            _grant(connection, account_id, kind, amount, reference, now)
            return _balances(connection, account_id)[kind]

        return self._database.write(work)

    def add_sender(self, account_id: str, address: str, now: Instant) -> SenderView:
        """Let an account send from an address; raises StoreError when it is none."""
        return self._database.write(
            lambda connection: _add_sender(connection, account_id, address, now)
        )

    def set_carriers(self, account_id: str, address: str, carriers: str | None) -> None:
        """Let a sender go through carriers of its own, or with None through the account's."""
        query = text(
            "UPDATE sender SET carriers = :carriers WHERE account_id = :account "
            "AND address = :address"
        )
        values = {"account": account_id, "address": address, "carriers": carriers}
        self._database.write(lambda connection: connection.execute(query, values))

    def remove_sender(self, account_id: str, address: str) -> bool:
        """Take a sender away; False when there was none. Campaigns under way keep theirs."""
        query = text("DELETE FROM sender WHERE account_id = :account AND address = :address")
        values = {"account": account_id, "address": address}
        return self._database.write(
            lambda connection: connection.execute(query, values).rowcount > 0
        )

    def senders(self, account_id: str) -> Sequence[SenderView]:
        """What an account may send from, oldest first."""
        return self._database.read(lambda connection: _senders(connection, account_id))


def _grant(
    connection: Connection,
    account_id: str,
    kind: CreditKind,
    amount: int,
    reference: str,
    now: Instant,
) -> None:
    line = {
        "id": f"grant:{account_id}:{kind}:{reference}",
        "account": account_id,
        "kind": kind.value,
        "amount": amount,
        "at": now,
    }
    if amount == 0 or connection.execute(_GRANT_ENTRY, line).rowcount == 0:
        return
    if connection.execute(_GRANT, line).rowcount == 0:
        raise StoreError("fewer credits are available than would be taken back")


def _add_sender(connection: Connection, account_id: str, address: str, now: Instant) -> SenderView:
    kind = sender_kind(address)
    if kind is None:
        raise StoreError(
            f"{address!r} is no sender: give +E.164, a short code of 5-6 digits, or 1-11 letters, "
            "digits and spaces with at least one letter"
        )
    values = {
        "account_id": account_id,
        "address": address,
        "kind": kind.value,
        "active": True,
        "created_at": now,
    }
    connection.execute(_ADD_SENDER, values)
    return SenderView(address, kind.value, True)


def _view(connection: Connection, row: Row) -> AccountView:  # type: ignore[type-arg]
    return AccountView(
        id=row.id,
        name=row.name,
        property_sid=row.property_sid,
        active=bool(row.active),
        daily_quota=row.daily_quota,
        strict_uniform=bool(row.strict_uniform),
        strict_keys=bool(row.strict_keys),
        auto_key=row.auto_key,
        carriers=row.carriers,
        balances=_balances(connection, row.id),
        senders=_senders(connection, row.id),
    )


def _balances(connection: Connection, account_id: str) -> Mapping[CreditKind, Balance]:
    query = text("SELECT * FROM credit WHERE account_id = :account")
    return {
        CreditKind(row.kind): Balance(row.granted, row.available, row.held, row.posted)
        for row in connection.execute(query, {"account": account_id})
    }


def _senders(connection: Connection, account_id: str) -> Sequence[SenderView]:
    query = text(
        "SELECT address, kind, active, carriers, rate FROM sender "
        "LEFT JOIN rate ON scope = 'sender:' || account_id || ':' || address "
        "WHERE account_id = :account ORDER BY created_at, "
        "CASE kind WHEN 'long_code' THEN 0 WHEN 'short_code' THEN 1 "
        "ELSE 2 END, address"
    )
    rows = connection.execute(query, {"account": account_id})
    return [
        SenderView(row.address, row.kind, bool(row.active), row.rate, row.carriers) for row in rows
    ]
