"""Accounts with their credits and senders."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, bindparam, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, insert, or_, select, update
from sqlmodel.sql.expression import SelectOfScalar

from campaign.activity import Action
from campaign.credits import CreditKind
from campaign.ids import ID_BYTES, make_id
from campaign.instants import Instant
from campaign.sending_windows import written_window
from campaign.short_link_hosts import own_host
from store.accounts.api_keys import ApiKeys, KeyPair
from store.accounts.senders import SenderView, give_sender, senders_of
from store.clock import now_of
from store.database.engine import Database, StoreError
from store.shared.activity import record
from store.shared.brakes import ACCOUNT_CLOSED, pause_campaigns
from store.tables import Account, Credit

ACCOUNT_PREFIX = "acc_"
SID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SWITCHES = (
    "active",
    "daily_quota",
    "strict_uniform",
    "strict_keys",
    "auto_key",
    "receipt_form",
    "carriers",
    "short_link_host",
    "purpose",
    "marketing_window",
)

_ADD_GRANT = text("""
    INSERT INTO ledger_entry (id, account_id, campaign_id, kind, movement, amount, at)
    VALUES (:id, :account_id, NULL, :kind, 'grant', :amount, :at)
    ON CONFLICT (id) DO NOTHING
""")
_OF_ACCOUNTS: BindParameter[str] = bindparam("account_ids", expanding=True)
_BALANCES = select(Credit).where(col(Credit.account_id).in_(_OF_ACCOUNTS))


@dataclass(frozen=True, slots=True)
class Balance:
    """Credits of one kind; granted = available + held + posted."""

    granted: int
    available: int
    held: int
    posted: int


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
    receipt_form: str
    carriers: str | None
    short_link_host: str | None
    purpose: str | None
    marketing_window: str | None
    balances: Mapping[CreditKind, Balance]
    senders: Sequence[SenderView]


class Accounts:
    """Accounts in the database; every method is one transaction."""

    def __init__(self, database: Database, api_keys: ApiKeys) -> None:
        self._database = database
        self._api_keys = api_keys

    def create(
        self,
        name: str,
        now: Instant,
        sms_credits: int = 0,
        mms_credits: int = 0,
        senders: Sequence[str] = (),
        daily_quota: int | None = None,
    ) -> tuple[AccountView, KeyPair]:
        """Create an account with its credits, senders and a first key pair, or nothing at all.

        ``daily_quota`` is in messages per UTC day, None for no limit. Raises StoreError if the
        name is taken, so a second run creates nothing, or if an address cannot be a sender.
        """
        account_id = make_id(ACCOUNT_PREFIX, secrets.token_bytes(ID_BYTES))
        account = Account(
            id=account_id,
            name=name,
            property_sid="S" + "".join(secrets.choice(SID_ALPHABET) for _ in range(31)),
            created_at=now,
            daily_quota=daily_quota,
        )
        credits = [
            Credit(account_id=account_id, kind=kind.value).model_dump() for kind in CreditKind
        ]

        def work(connection: Connection) -> tuple[AccountView, KeyPair]:
            connection.execute(insert(Account), account.model_dump())
            connection.execute(insert(Credit), credits)
            record(connection, Action.ACCOUNT_CREATED, account_id, account=account_id)
            for address in senders:
                give_sender(connection, account_id, address, now)
            _grant(connection, account_id, CreditKind.SMS, sms_credits, "opening", now)
            _grant(connection, account_id, CreditKind.MMS, mms_credits, "opening", now)
            pair = self._api_keys.insert(connection, account_id, now, ("*",))
            return _views(connection, [account])[0], pair

        try:
            return self._database.write(work)
        except IntegrityError as error:
            raise StoreError(f"there is an account named {name!r} already") from error

    def show(self, id_or_name: str) -> AccountView | None:
        """The account with an id or a name; None if there is none."""
        query = select(Account).where(or_(Account.id == id_or_name, Account.name == id_or_name))
        return next(iter(self._read(query)), None)

    def timing(self, account_id: str) -> tuple[str | None, str | None]:
        """The purpose of an account's campaigns without one, and the window of its marketing."""
        query = select(Account.purpose, Account.marketing_window).where(Account.id == account_id)
        row = self._database.read(lambda connection: connection.execute(query).one())
        return row.purpose, row.marketing_window

    def list(self) -> Sequence[AccountView]:
        """All accounts by name."""
        return self._read(select(Account).order_by(Account.name))

    def update(self, account_id: str, **switches: object) -> AccountView:
        """Set columns named in ``SWITCHES``; returns the account as it is afterwards.

        An account that becomes inactive is closed: its campaigns that are scheduled or running are
        paused by the system in the same transaction. They stay paused when it is opened again.
        Raises StoreError for any other name, if there is no such account, and for a
        ``short_link_host`` that cannot be one or is another account's; "" removes it. So it does a
        ``marketing_window``, which is JSON (see campaign.sending_windows.written_window).
        """
        for name in switches:
            if name not in SWITCHES:
                raise StoreError(f"an account has no switch {name!r}")
        if written := switches.get("short_link_host"):
            host = own_host(str(written))
            if host is None:
                raise StoreError(f"{written!r} cannot be a host of short links, such as go.example")
            switches["short_link_host"] = host
        elif written is not None:
            switches["short_link_host"] = None
        if window := switches.get("marketing_window"):
            try:
                switches["marketing_window"] = written_window(str(window))
            except ValueError as error:
                raise StoreError(f"a window {error}") from None
        elif window is not None:
            switches["marketing_window"] = None
        query = update(Account).where(col(Account.id) == account_id).values(switches)

        def work(connection: Connection) -> None:
            known = (
                Session(connection).exec(select(Account).where(Account.id == account_id)).first()
            )
            connection.execute(query)
            if known is not None:
                before = {name: getattr(known, name) for name in switches}
                record(
                    connection,
                    Action.ACCOUNT_CHANGED,
                    account_id,
                    account=account_id,
                    before=before,
                    after=switches,
                )
            if switches.get("active") is False:
                pause_campaigns(connection, account_id, ACCOUNT_CLOSED, now_of(connection))

        try:
            self._database.write(work)
        except IntegrityError as error:
            raise StoreError("another account has this host of short links") from error
        view = self.show(account_id)
        if view is None:
            raise StoreError("no such account")
        return view

    def grant(
        self, account_id: str, kind: CreditKind, amount: int, reference: str, now: Instant
    ) -> Balance:
        """Add ``amount`` credits, or take back a negative amount; returns the new balance.

        A ``reference`` counts once for each account and kind: a second run changes nothing.
        Raises StoreError if fewer credits are available than would be taken back.
        """

        def work(connection: Connection) -> Balance:
            _grant(connection, account_id, kind, amount, reference, now)
            return _balances(connection, [account_id])[account_id][kind]

        return self._database.write(work)

    def add_sender(self, account_id: str, address: str, now: Instant) -> SenderView:
        """Let an account send from an address, as the operator; a second run changes nothing.

        Raises SenderTaken if it is another account's or the pool's, and StoreError if it cannot be
        a sender.
        """
        return self._database.write(
            lambda connection: give_sender(connection, account_id, address, now)
        )

    def senders(self, account_id: str) -> Sequence[SenderView]:
        """The senders and requests of an account, oldest first."""
        return self._database.read(
            lambda connection: senders_of(connection, [account_id]).get(account_id, [])
        )

    def _read(self, query: SelectOfScalar[Account]) -> Sequence[AccountView]:
        return self._database.read(
            lambda connection: _views(connection, Session(connection).exec(query).all())
        )


def _grant(
    connection: Connection,
    account_id: str,
    kind: CreditKind,
    amount: int,
    reference: str,
    now: Instant,
) -> None:
    entry = {
        "id": f"grant:{account_id}:{kind}:{reference}",
        "account_id": account_id,
        "kind": kind.value,
        "amount": amount,
        "at": now,
    }
    if amount == 0 or connection.execute(_ADD_GRANT, entry).rowcount == 0:
        return
    query = (
        update(Credit)
        .where(
            col(Credit.account_id) == account_id,
            col(Credit.kind) == kind.value,
            col(Credit.available) + amount >= 0,
        )
        .values(granted=Credit.granted + amount, available=Credit.available + amount)
    )
    if connection.execute(query).rowcount == 0:
        raise StoreError("fewer credits are available than would be taken back")
    after = {"kind": kind.value, "amount": amount}
    record(connection, Action.CREDITS_GRANTED, account_id, account=account_id, after=after)


def _views(connection: Connection, accounts: Sequence[Account]) -> Sequence[AccountView]:
    account_ids = [account.id for account in accounts]
    balances = _balances(connection, account_ids)
    senders = senders_of(connection, account_ids)
    return [
        AccountView(
            id=account.id,
            name=account.name,
            property_sid=account.property_sid,
            active=account.active,
            daily_quota=account.daily_quota,
            strict_uniform=account.strict_uniform,
            strict_keys=account.strict_keys,
            auto_key=account.auto_key,
            receipt_form=account.receipt_form or "json",
            carriers=account.carriers,
            short_link_host=account.short_link_host,
            purpose=account.purpose,
            marketing_window=account.marketing_window,
            balances=balances[account.id],
            senders=senders.get(account.id, []),
        )
        for account in accounts
    ]


def _balances(
    connection: Connection, account_ids: Sequence[str]
) -> Mapping[str, Mapping[CreditKind, Balance]]:
    found: dict[str, dict[CreditKind, Balance]] = {}
    for row in Session(connection).exec(_BALANCES, params={"account_ids": account_ids}):
        balance = Balance(row.granted, row.available, row.held, row.posted)
        found.setdefault(row.account_id, {})[CreditKind(row.kind)] = balance
    return found
