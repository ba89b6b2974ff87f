"""What dialects with signed requests ask: the secret behind a key, and each nonce only once."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.instants import Instant
from store.accounts.api_keys import PRINCIPAL_COLUMNS, Principal, principal_of
from store.database.engine import Database
from store.database.secrets import Sealer

# One request clears away a few expired nonces, so that none has to clear away thousands.
SWEPT_MAX = 100

_FIND = text(
    f"SELECT {PRINCIPAL_COLUMNS}, k.secret_sealed, k.revoked_at, a.active FROM api_key k "
    "JOIN account a ON a.id = k.account_id WHERE k.id = :key"
)
_USE = text(
    "INSERT INTO nonce (key_id, nonce, free_at) VALUES (:key, :nonce, :free_at) "
    "ON CONFLICT (key_id, nonce) DO UPDATE SET free_at = excluded.free_at "
    "WHERE nonce.free_at <= :now RETURNING key_id"
)


@dataclass(frozen=True, slots=True)
class Signer:
    """A key with what proves it, whatever state it and its account are in.

    Whoever asks must check the proof first: only then may it tell ``revoked`` or ``suspended``,
    and only a key that is neither opens anything.
    """

    principal: Principal
    secret: str
    revoked: bool
    suspended: bool


class Signing:
    """Secrets and nonces of signed requests in the database."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        others = "" if database.is_sqlite else " FOR UPDATE SKIP LOCKED"
        self._sweep = text(
            "DELETE FROM nonce WHERE (key_id, nonce) IN (SELECT key_id, nonce FROM nonce "
            f"WHERE free_at <= :now ORDER BY free_at LIMIT {SWEPT_MAX}{others})"
        )

    def find(self, key_id: str) -> Signer | None:
        """The signer behind a key id; None where there never was such a key.

        Raises StoreError when the secret was sealed with another GODWIT_SECRET_KEY.
        """
        row = self._database.read(
            lambda connection: connection.execute(_FIND, {"key": key_id}).first()
        )
        if row is None:
            return None
        return Signer(
            principal=principal_of(row),
            secret=self._sealer.unseal(row.secret_sealed),
            revoked=row.revoked_at is not None,
            suspended=not row.active,
        )

    def use_nonce(self, key_id: str, nonce: str, now: Instant, free_at: Instant) -> bool:
        """Remember a nonce of a key until ``free_at``; False where it was in use already.

        Raced, exactly one caller gets True. Nonces whose time is over are deleted in passing.
        """
        values = {"key": key_id, "nonce": nonce, "now": now, "free_at": free_at}

        def work(connection: Connection) -> bool:
            won = connection.execute(_USE, values).first() is not None
            connection.execute(self._sweep, values)
            return won

        return self._database.write(work)
