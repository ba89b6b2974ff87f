"""What dialects with signed requests look up: the secret of a key, and whether a nonce is new."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, text
from sqlmodel import Session, col, delete, select, tuple_

from campaign.instants import DAY, Instant
from store.accounts.api_keys import Principal, principal_of
from store.database.engine import Database
from store.database.secrets import Sealer
from store.tables import Account, ApiKey, Nonce

# Each request deletes at most this many expired nonces, so that no request pays for thousands.
SWEPT_MAX = 100
# Expired nonces are kept this much longer: a process whose clock is ahead must not forget one that
# another process still has to refuse.
SWEEP_AFTER: Instant = 2 * DAY

_USE = text("""
    INSERT INTO nonce (key_id, nonce, free_at, signature)
    VALUES (:key_id, :nonce, :free_at, :signature)
    ON CONFLICT (key_id, nonce)
    DO UPDATE SET free_at = excluded.free_at, signature = excluded.signature
    WHERE nonce.free_at <= :now OR nonce.signature = excluded.signature
    RETURNING key_id
""")
_IS_USED = text("SELECT 1 FROM nonce WHERE key_id = :key_id AND nonce = :nonce")
_ANSWERED = text("""
    UPDATE nonce SET signature = NULL
    WHERE key_id = :key_id AND nonce = :nonce AND signature = :signature
""")
_SWEEP = delete(Nonce).where(
    tuple_(Nonce.key_id, Nonce.nonce).in_(
        select(Nonce.key_id, Nonce.nonce)
        .where(Nonce.free_at <= bindparam("now"))
        .order_by(col(Nonce.free_at))
        .limit(SWEPT_MAX)
        .with_for_update(skip_locked=True)
    )
)
_FIND = select(ApiKey, Account).join(Account).where(ApiKey.id == bindparam("key_id"))


@dataclass(frozen=True, slots=True)
class Signer:
    """A key and the secret that proves it, also if the key or its account is not valid.

    Check the proof first, and only then report ``revoked`` or ``suspended``. A request is
    authenticated only if both are False.
    """

    principal: Principal
    secret: str
    revoked: bool
    suspended: bool


class Signing:
    """Secrets and nonces of signed requests in the database; every method is one transaction."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def find(self, key_id: str) -> Signer | None:
        """The signer of a key id; None if no such key ever existed.

        Raises StoreError if the secret was sealed with another GODWIT_SECRET_KEY.
        """
        values = {"key_id": key_id}
        row = self._database.read(
            lambda connection: Session(connection).exec(_FIND, params=values).first()
        )
        if row is None:
            return None
        key, account = row
        return Signer(
            principal=principal_of(key, account),
            secret=self._sealer.unseal(key.secret_sealed),
            revoked=key.revoked_at is not None,
            suspended=not account.active,
        )

    def use_nonce(
        self,
        key_id: str,
        nonce: str,
        now: Instant,
        free_at: Instant,
        signature: str | None = None,
    ) -> bool:
        """Reserve a nonce of a key until ``free_at``; returns False if it is reserved already.

        Of several simultaneous calls exactly one returns True, unless they have the same
        ``signature``: a request that was not answered, because its process died, may come again.
        Also deletes some nonces that expired more than ``SWEEP_AFTER`` ago.
        """
        values = {
            "key_id": key_id,
            "nonce": nonce,
            "now": now,
            "free_at": free_at,
            "signature": signature,
        }

        def work(connection: Connection) -> bool:
            won = connection.execute(_USE, values).first() is not None
            connection.execute(_SWEEP, {"now": now - SWEEP_AFTER})
            return won

        return self._database.write(work)

    def is_used(self, key_id: str, nonce: str) -> bool:
        """Tell whether a nonce of a key is reserved, without reserving it."""
        values = {"key_id": key_id, "nonce": nonce}
        return self._database.read(
            lambda connection: connection.execute(_IS_USED, values).first() is not None
        )

    def answer(self, key_id: str, nonce: str, signature: str) -> None:
        """Use a nonce up: the request with this signature has its answer; again, no change."""
        values = {"key_id": key_id, "nonce": nonce, "signature": signature}
        self._database.write(lambda connection: connection.execute(_ANSWERED, values))
