"""API key pairs: one pair opens every dialect (DESIGN: Basic, Bearer, HMAC)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, text

from campaign.instants import Instant
from store.database.engine import Database
from store.database.secrets import Sealer
from store.tables import ApiKey

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
PRINCIPAL_COLUMNS = (
    "k.id, k.permissions, a.id AS account_id, a.name, a.property_sid, "
    "a.strict_uniform, a.strict_keys, a.auto_key"
)
_PRINCIPAL = (
    f"SELECT {PRINCIPAL_COLUMNS}, k.secret_hash FROM api_key k "
    "JOIN account a ON a.id = k.account_id "
    "WHERE {column} = :wanted AND k.revoked_at IS NULL AND a.active"
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key as it is shown once: id and secret for Basic and HMAC, ``bearer`` for Bearer."""

    key_id: str
    secret: str
    bearer: str


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key without its secret."""

    key_id: str
    permissions: Sequence[str]
    created_at: Instant
    revoked_at: Instant | None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the account behind a valid key, with its switches."""

    account_id: str
    account_name: str
    key_id: str
    permissions: frozenset[str]
    property_sid: str
    strict_uniform: bool
    strict_keys: bool
    auto_key: str

    def may(self, permission: str) -> bool:
        """Tell whether the key carries a permission; ``*`` carries all."""
        return "*" in self.permissions or permission in self.permissions


class ApiKeys:
    """Key pairs in the database."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def make_key(
        self, account_id: str, now: Instant, permissions: Sequence[str] = ("*",)
    ) -> KeyPair:
        """Make another key pair for an account."""
        return self._database.write(
            lambda connection: self.write_key(connection, account_id, now, permissions)
        )

    def write_key(
        self, connection: Connection, account_id: str, now: Instant, permissions: Sequence[str]
    ) -> KeyPair:
        """As ``make_key``, inside the caller's transaction."""
        key_id = "AK" + "".join(secrets.choice(_ALPHABET) for _ in range(30))
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        bearer = _bearer(secret)
        connection.execute(
            insert(ApiKey),
            {
                "id": key_id,
                "account_id": account_id,
                "secret_hash": self._sealer.hash(secret),
                "bearer_hash": self._sealer.hash(bearer),
                "secret_sealed": self._sealer.seal(secret),
                "permissions": " ".join(permissions),
                "created_at": now,
            },
        )
        return KeyPair(key_id, secret, bearer)

    def revoke_key(self, key_id: str, now: Instant, account_id: str | None = None) -> bool:
        """End a key at once; False when there was no such live key (of that account)."""
        query = text(
            "UPDATE api_key SET revoked_at = :now WHERE id = :key AND revoked_at IS NULL "
            "AND account_id = COALESCE(:account, account_id)"
        )
        values = {"key": key_id, "now": now, "account": account_id}
        return self._database.write(
            lambda connection: connection.execute(query, values).rowcount > 0
        )

    def keys(self, account_id: str) -> Sequence[KeyView]:
        """The keys of an account, oldest first."""
        query = text("SELECT * FROM api_key WHERE account_id = :account ORDER BY created_at, id")
        return self._database.read(
            lambda connection: [
                KeyView(row.id, row.permissions.split(), row.created_at, row.revoked_at)
                for row in connection.execute(query, {"account": account_id})
            ]
        )

    def reveal_key(self, key_id: str) -> KeyPair | None:
        """Unseal a key pair, for the embedded stack and for HMAC dialects."""
        query = text("SELECT secret_sealed FROM api_key WHERE id = :key AND revoked_at IS NULL")
        sealed = self._database.read(
            lambda connection: connection.execute(query, {"key": key_id}).scalar()
        )
        if sealed is None:
            return None
        secret = self._sealer.unseal(sealed)
        return KeyPair(key_id, secret, _bearer(secret))

    def authenticate(self, key_id: str, secret: str) -> Principal | None:
        """The account behind a key id and its secret; None when either is wrong."""
        row, principal = self._find("k.id", key_id)
        # Hash and compare for unknown ids too, so that time tells nothing.
        known = row if row is not None else ""
        matches = hmac.compare_digest(self._sealer.hash(secret), known)
        return principal if matches else None

    def authenticate_bearer(self, bearer: str) -> Principal | None:
        """The account behind a bearer token; None when it is unknown or revoked."""
        return self._find("k.bearer_hash", self._sealer.hash(bearer))[1]

    def _find(self, column: str, wanted: str) -> tuple[str | None, Principal | None]:
        query = text(_PRINCIPAL.format(column=column))
        row = self._database.read(
            lambda connection: connection.execute(query, {"wanted": wanted}).first()
        )
        if row is None:
            return None, None
        return row.secret_hash, principal_of(row)


def principal_of(row: Row[Any]) -> Principal:
    """Make a principal of a row with ``PRINCIPAL_COLUMNS``."""
    return Principal(
        account_id=row.account_id,
        account_name=row.name,
        key_id=row.id,
        permissions=frozenset(row.permissions.split()),
        property_sid=row.property_sid,
        strict_uniform=bool(row.strict_uniform),
        strict_keys=bool(row.strict_keys),
        auto_key=row.auto_key,
    )


def _bearer(secret: str) -> str:
    """Derive the bearer token, so that only the secret need be kept."""
    digest = hmac.new(secret.encode(), b"godwit bearer", hashlib.sha256).digest()
    return "gwb_" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
