"""API key pairs: one pair opens every dialect (DESIGN: Basic, Bearer, HMAC)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam
from sqlmodel import Session, col, insert, select, update
from sqlmodel.sql.expression import Select

from campaign.activity import Action
from campaign.instants import Instant
from campaign.names import BAD_KEY_NAME, is_key_name
from campaign.refusals import key_reused
from store.accounts.permissions import (
    SANDBOX_PERMISSIONS,
    read_permissions,
    write_permissions,
)
from store.database.engine import Database, StoreError
from store.database.secrets import Sealer
from store.shared.activity import record
from store.tables import Account, ApiKey

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_VALID = (
    select(ApiKey, Account).join(Account).where(col(ApiKey.revoked_at).is_(None), Account.active)
)
# Built once: every API request runs one of these.
_BY_ID = _VALID.where(ApiKey.id == bindparam("wanted"))
_BY_BEARER = _VALID.where(ApiKey.bearer_hash == bindparam("wanted"))


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key as it is shown once: id and secret for Basic and HMAC, ``bearer`` for Bearer."""

    key_id: str
    secret: str
    bearer: str


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key without its secret; what a ``sandbox`` key sends reaches no carrier."""

    key_id: str
    name: str | None
    permissions: Sequence[str]
    created_at: Instant
    revoked_at: Instant | None
    sandbox: bool


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the account behind a valid key, with its switches.

    What a ``sandbox`` key sends is of the sandbox. ``key_name`` says who or what has the key.
    """

    account_id: str
    key_id: str
    permissions: frozenset[str]
    property_sid: str
    strict_uniform: bool
    strict_keys: bool
    auto_key: str
    sandbox: bool = False
    key_name: str | None = None

    def may(self, permission: str, in_sandbox: bool = False) -> bool:
        """Tell whether the key carries a permission; ``*`` carries all.

        ``in_sandbox`` says that only a sandbox campaign is changed. Without it a sandbox key may
        send and read, no more.
        """
        granted = "*" in self.permissions or permission in self.permissions
        return granted and (not self.sandbox or in_sandbox or permission in SANDBOX_PERMISSIONS)


class ApiKeys:
    """Key pairs in the database; every method without a connection is one transaction."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def create(
        self,
        account_id: str,
        now: Instant,
        permissions: Sequence[str] = ("*",),
        sandbox: bool = False,
        name: str | None = None,
    ) -> KeyPair:
        """Make a key pair for an account; called twice, the account has two more.

        Raises StoreError if there are no permissions, or if the name is none.
        """
        return self._database.write(
            lambda connection: self.insert(
                connection, account_id, now, permissions, None, sandbox, name
            )
        )

    def create_once(
        self,
        account_id: str,
        now: Instant,
        permissions: Sequence[str],
        own_id: bytes,
        sandbox: bool = False,
        name: str | None = None,
    ) -> tuple[KeyPair, bool]:
        """As ``create``; a second run with the same ``own_id`` finds the key of the first.

        The second result tells whether the key is new. Raises Refused (key_reused) if it has
        another name or other permissions, is of the sandbox where the other is not, or was revoked.
        """
        stored = write_permissions(permissions, sandbox)
        key_id = "AK" + base64.b32encode(hashlib.sha256(own_id).digest()).decode()[:30]
        lock = select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
        known = select(ApiKey).where(ApiKey.id == key_id, ApiKey.account_id == account_id)

        def work(connection: Connection) -> tuple[KeyPair, bool]:
            connection.execute(lock)
            found = Session(connection).exec(known).first()
            if found is None:
                made = self.insert(connection, account_id, now, permissions, key_id, sandbox, name)
                return made, True
            is_same = (found.permissions, found.name) == (stored, name)
            if found.revoked_at is not None or not is_same:
                raise key_reused()
            secret = self._sealer.unseal(found.secret_sealed)
            return KeyPair(key_id, secret, _bearer(secret)), False

        return self._database.write(work)

    def insert(
        self,
        connection: Connection,
        account_id: str,
        now: Instant,
        permissions: Sequence[str],
        key_id: str | None = None,
        sandbox: bool = False,
        name: str | None = None,
    ) -> KeyPair:
        """As ``create``, inside the caller's transaction."""
        if not permissions:
            raise StoreError("a key needs at least one permission")
        if name is not None and not is_key_name(name):
            raise StoreError(BAD_KEY_NAME)
        key_id = key_id or "AK" + "".join(secrets.choice(_ALPHABET) for _ in range(30))
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        bearer = _bearer(secret)
        row = ApiKey(
            id=key_id,
            account_id=account_id,
            secret_hash=self._sealer.hash(secret),
            bearer_hash=self._sealer.hash(bearer),
            secret_sealed=self._sealer.seal(secret),
            permissions=write_permissions(permissions, sandbox),
            created_at=now,
            name=name,
        )
        connection.execute(insert(ApiKey), row.model_dump())
        after = {"permissions": list(permissions), "sandbox": sandbox}
        record(connection, Action.KEY_CREATED, key_id, account=account_id, after=after)
        return KeyPair(key_id, secret, bearer)

    def revoke(self, key_id: str, now: Instant, account_id: str | None = None) -> bool:
        """Revoke a key at once, only if it belongs to ``account_id`` where that is given.

        Returns False, and changes nothing, if there is no such key or it is revoked already.
        """
        query = (
            update(ApiKey)
            .where(col(ApiKey.id) == key_id, col(ApiKey.revoked_at).is_(None))
            .values(revoked_at=now)
            .returning(col(ApiKey.account_id))
        )
        if account_id is not None:
            query = query.where(col(ApiKey.account_id) == account_id)

        def work(connection: Connection) -> bool:
            owner = connection.execute(query).scalar()
            if owner is not None:
                record(connection, Action.KEY_REVOKED, key_id, account=owner)
            return owner is not None

        return self._database.write(work)

    def list(self, account_id: str) -> Sequence[KeyView]:
        """All keys of an account, revoked ones too, oldest first."""
        query = (
            select(ApiKey)
            .where(ApiKey.account_id == account_id)
            .order_by(col(ApiKey.created_at), ApiKey.id)
        )
        return self._database.read(
            lambda connection: [_view(key) for key in Session(connection).exec(query)]
        )

    def reveal(self, key_id: str) -> KeyPair | None:
        """Decrypt a key pair, for the embedded stack and HMAC dialects; None if it is not valid.

        Raises StoreError if it was sealed with another GODWIT_SECRET_KEY.
        """
        return self._reveal_first(col(ApiKey.id) == key_id)

    def reveal_oldest(self, account_id: str) -> KeyPair | None:
        """As ``reveal``, for the oldest valid key of an account."""
        return self._reveal_first(col(ApiKey.account_id) == account_id)

    def authenticate(self, key_id: str, secret: str) -> Principal | None:
        """The account of a key id and its secret; None if either is wrong or not valid."""
        found = self._find(_BY_ID, key_id)
        # Hash and compare for unknown ids too, so that the response time does not reveal them.
        known = "" if found is None else found[0].secret_hash
        matches = hmac.compare_digest(self._sealer.hash(secret), known)
        return principal_of(*found) if found is not None and matches else None

    def authenticate_bearer(self, bearer: str) -> Principal | None:
        """The account of a bearer token; None if the token is unknown or not valid."""
        found = self._find(_BY_BEARER, self._sealer.hash(bearer))
        return None if found is None else principal_of(*found)

    def _find(self, query: Select[ApiKey, Account], wanted: str) -> tuple[ApiKey, Account] | None:
        return self._database.read(
            lambda connection: Session(connection).exec(query, params={"wanted": wanted}).first()
        )

    def _reveal_first(self, condition: ColumnElement[bool]) -> KeyPair | None:
        query = (
            select(ApiKey.id, ApiKey.secret_sealed)
            .where(condition, col(ApiKey.revoked_at).is_(None))
            .order_by(col(ApiKey.created_at), ApiKey.id)
            .limit(1)
        )
        row = self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            return None
        key_id, sealed = row
        secret = self._sealer.unseal(sealed)
        return KeyPair(key_id, secret, _bearer(secret))


def principal_of(key: ApiKey, account: Account) -> Principal:
    """The principal of a key and its account."""
    permissions, sandbox = read_permissions(key.permissions)
    return Principal(
        account_id=account.id,
        key_id=key.id,
        permissions=frozenset(permissions),
        property_sid=account.property_sid,
        strict_uniform=account.strict_uniform,
        strict_keys=account.strict_keys,
        auto_key=account.auto_key,
        sandbox=sandbox,
        key_name=key.name,
    )


def _view(key: ApiKey) -> KeyView:
    permissions, sandbox = read_permissions(key.permissions)
    return KeyView(key.id, key.name, permissions, key.created_at, key.revoked_at, sandbox)


def _bearer(secret: str) -> str:
    """Derive the bearer token, so that only the secret need be kept."""
    digest = hmac.new(secret.encode(), b"godwit bearer", hashlib.sha256).digest()
    return "gwb_" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
