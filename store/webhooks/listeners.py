"""Listeners: endpoints without a URL, for clients that fetch their deliveries."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlmodel import col, delete, func, insert, select, update

from campaign.events import LISTENER_LIFE, LISTENER_PREFIX
from campaign.ids import ID_BYTES, make_id
from campaign.instants import Instant
from store.database.engine import Database, StoreError
from store.database.secrets import Sealer
from store.tables import Account, CallbackRow, WebhookRow

LISTENERS_MAX = 10


@dataclass(frozen=True, slots=True)
class ListenerView:
    """A listener and the secret that signs its deliveries; it ends at ``until``."""

    id: str
    events: Sequence[str]
    dialect: str
    secret: str
    until: Instant


class Listeners:
    """Listeners in the database; every public method is one transaction.

    Their deliveries are claimed and marked as those of webhooks are (``store.deliveries``).
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def open(
        self, account_id: str, key_id: str, events: Sequence[str], dialect: str, now: Instant
    ) -> ListenerView:
        """Add a listener for the events from now on.

        All listeners of one API key have the same secret, so that a client that starts again
        verifies with what it knows. Raises StoreError if the account has ``LISTENERS_MAX`` already.
        A second run adds another.
        """
        secret = self._secret_of(account_id, key_id)
        row = WebhookRow(
            id=make_id(LISTENER_PREFIX, secrets.token_bytes(ID_BYTES)),
            account_id=account_id,
            url="",
            events=" ".join(events),
            dialect=dialect,
            secret_sealed=self._sealer.seal(secret),
            created_at=now,
            listens_until=now + LISTENER_LIFE,
        )
        # A lock on the account, or two additions at once could both find the last free place.
        lock = select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
        count = select(func.count()).where(
            col(WebhookRow.account_id) == account_id, col(WebhookRow.listens_until) > now
        )

        def work(connection: Connection) -> None:
            connection.execute(lock)
            if connection.execute(count).scalar_one() >= LISTENERS_MAX:
                raise StoreError(f"an account has at most {LISTENERS_MAX} listeners at a time")
            connection.execute(insert(WebhookRow), row.model_dump())

        self._database.write(work)
        return ListenerView(row.id, list(events), dialect, secret, now + LISTENER_LIFE)

    def extend(
        self, account_id: str, listener_id: str, now: Instant, key_id: str | None = None
    ) -> Instant | None:
        """Let a listener live for ``LISTENER_LIFE`` from now; return its new end.

        None if there is no such listener, or if it has ended: that is final. With a ``key_id`` only
        those that this key has opened are found.
        """
        until = now + LISTENER_LIFE
        query = (
            update(WebhookRow)
            .where(
                col(WebhookRow.id) == listener_id,
                col(WebhookRow.account_id) == account_id,
                col(WebhookRow.listens_until) > now,
                col(WebhookRow.disabled_at).is_(None),
            )
            .values(listens_until=until)
        )

        def work(connection: Connection) -> Instant | None:
            is_own = self._is_of(connection, account_id, listener_id, key_id)
            return until if is_own and connection.execute(query).rowcount else None

        return self._database.write(work)

    def close(self, account_id: str, listener_id: str, key_id: str | None = None) -> bool:
        """Delete a listener and its deliveries; returns False if there is none.

        With a ``key_id`` only those that this key has opened are found.
        """
        listener = delete(WebhookRow).where(
            col(WebhookRow.id) == listener_id,
            col(WebhookRow.account_id) == account_id,
            col(WebhookRow.listens_until).is_not(None),
        )
        deliveries = delete(CallbackRow).where(col(CallbackRow.destination) == listener_id)

        def work(connection: Connection) -> bool:
            is_own = self._is_of(connection, account_id, listener_id, key_id)
            if not is_own or connection.execute(listener).rowcount == 0:
                return False
            connection.execute(deliveries)
            return True

        return self._database.write(work)

    def _secret_of(self, account_id: str, key_id: str) -> str:
        digest = bytes.fromhex(self._sealer.hash(f"listener\n{account_id}\n{key_id}"))
        return "whsec_" + base64.b64encode(digest).decode()

    def _is_of(
        self, connection: Connection, account_id: str, listener_id: str, key_id: str | None
    ) -> bool:
        """Tell whether a listener has the secret of a key; it never changes. True without a key."""
        if key_id is None:
            return True
        query = select(WebhookRow.secret_sealed).where(
            col(WebhookRow.id) == listener_id, col(WebhookRow.account_id) == account_id
        )
        sealed = connection.execute(query).scalar()
        secret = self._secret_of(account_id, key_id)
        return sealed is not None and self._sealer.unseal(sealed) == secret
