"""Webhooks: the endpoints of an account, their secrets, and repeats of their deliveries."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Update
from sqlmodel import Session, and_, col, delete, func, insert, select, update

from campaign.activity import Action
from campaign.events import SECRETS_OVERLAP, WEBHOOK_PREFIX, Destination
from campaign.ids import ID_BYTES, make_id
from campaign.instants import Instant, iso
from campaign.refusals import key_reused
from store.database.engine import Database, StoreError
from store.database.secrets import Sealer
from store.shared.activity import record
from store.shared.outbox import Outbox
from store.tables import Account, CallbackRow, WebhookRow
from store.webhooks.delivery_log import is_delivery

# Each event is written once for every webhook that subscribes to it.
WEBHOOKS_MAX = 20
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook without its secrets; ``events`` are names or patterns such as ``message.*``."""

    id: str
    url: str
    events: Sequence[str]
    dialect: str
    created_at: Instant
    disabled_at: Instant | None


@dataclass(frozen=True, slots=True)
class AddedWebhook:
    """A webhook and its secret; not ``is_new`` if an earlier request with its key added it."""

    view: WebhookView
    secret: str
    is_new: bool


class Endpoints:
    """Webhooks in the database; every public method is one transaction.

    Each method takes the account that asks. To it, another account's webhook does not exist.
    """

    def __init__(self, database: Database, sealer: Sealer, outbox: Outbox) -> None:
        self._database = database
        self._sealer = sealer
        self._outbox = outbox

    def add(
        self, account_id: str, url: str, events: Sequence[str], dialect: str, now: Instant
    ) -> tuple[WebhookView, str]:
        """Add a webhook; returns it and its secret, which cannot be read again.

        Raises StoreError if the account has ``WEBHOOKS_MAX`` already. A second run adds another.
        """
        added = self.add_once(account_id, url, events, dialect, now)
        return added.view, added.secret

    def add_once(
        self,
        account_id: str,
        url: str,
        events: Sequence[str],
        dialect: str,
        now: Instant,
        own_id: bytes | None = None,
    ) -> AddedWebhook:
        """As ``add``; a second run with the same 16 bytes ``own_id`` finds what the first added.

        Raises Refused (key_reused) if that differs from what is to be added.
        """
        secret = _make_secret()
        row = WebhookRow(
            id=make_id(WEBHOOK_PREFIX, own_id or secrets.token_bytes(ID_BYTES)),
            account_id=account_id,
            url=url,
            events=" ".join(events),
            dialect=dialect,
            secret_sealed=self._sealer.seal(secret),
            created_at=now,
        )
        # A lock on the account, or two additions at once could both find the last free place.
        lock = select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
        count = select(func.count()).where(
            col(WebhookRow.account_id) == account_id, col(WebhookRow.listens_until).is_(None)
        )

        known = select(WebhookRow).where(_is_webhook(account_id, row.id))

        def work(connection: Connection) -> AddedWebhook:
            connection.execute(lock)
            found = Session(connection).exec(known).first() if own_id else None
            if found is not None:
                if (found.url, found.events, found.dialect) != (url, row.events, dialect):
                    raise key_reused()
                return AddedWebhook(_view(found), self._sealer.unseal(found.secret_sealed), False)
            if connection.execute(count).scalar_one() >= WEBHOOKS_MAX:
                raise StoreError(f"an account has at most {WEBHOOKS_MAX} webhooks")
            connection.execute(insert(WebhookRow), row.model_dump())
            after = {"events": list(events), "dialect": dialect}
            record(connection, Action.WEBHOOK_CREATED, row.id, account=account_id, after=after)
            return AddedWebhook(_view(row), secret, True)

        return self._database.write(work)

    def get(self, account_id: str, webhook_id: str) -> WebhookView | None:
        """One webhook; None if it does not exist."""
        query = select(WebhookRow).where(_is_webhook(account_id, webhook_id))
        row = self._database.read(lambda connection: Session(connection).exec(query).first())
        return None if row is None else _view(row)

    def list(self, account_id: str) -> Sequence[WebhookView]:
        """The webhooks of the account, oldest first."""
        query = (
            select(WebhookRow)
            .where(WebhookRow.account_id == account_id, col(WebhookRow.listens_until).is_(None))
            .order_by(col(WebhookRow.created_at), WebhookRow.id)
        )
        return self._database.read(
            lambda connection: [_view(row) for row in Session(connection).exec(query)]
        )

    def remove(self, account_id: str, webhook_id: str) -> bool:
        """Delete a webhook and its deliveries; returns False if it does not exist."""
        webhook = delete(WebhookRow).where(_is_webhook(account_id, webhook_id))
        deliveries = delete(CallbackRow).where(is_delivery(account_id, webhook_id))

        def work(connection: Connection) -> bool:
            if connection.execute(webhook).rowcount == 0:
                return False
            connection.execute(deliveries)
            record(connection, Action.WEBHOOK_REMOVED, webhook_id, account=account_id)
            return True

        return self._database.write(work)

    def rotate(self, account_id: str, webhook_id: str, now: Instant) -> str | None:
        """Give a webhook a new secret and return it; None if the webhook does not exist.

        For ``SECRETS_OVERLAP`` calls are signed with the previous secret, too. Each run makes
        another secret, and the one before the previous is no longer used.
        """
        secret = _make_secret()
        query = (
            update(WebhookRow)
            .where(_is_webhook(account_id, webhook_id))
            .values(
                previous_sealed=WebhookRow.secret_sealed,
                previous_until=now + SECRETS_OVERLAP,
                secret_sealed=self._sealer.seal(secret),
            )
        )
        rotated = self._change(account_id, webhook_id, query, {"secret": "rotated"})
        return secret if rotated else None

    def enable(self, account_id: str, webhook_id: str) -> bool:
        """Enable a disabled webhook for events from now on; returns False if it does not exist."""
        query = (
            update(WebhookRow).where(_is_webhook(account_id, webhook_id)).values(disabled_at=None)
        )
        return self._change(account_id, webhook_id, query, {"enabled": True}) > 0

    def _change(
        self, account_id: str, webhook_id: str, query: Update, after: dict[str, object]
    ) -> int:
        """Run an update about a webhook and record it; returns how many rows it changed."""

        def work(connection: Connection) -> int:
            count = connection.execute(query).rowcount
            if count:
                record(
                    connection,
                    Action.WEBHOOK_CHANGED,
                    webhook_id,
                    account=account_id,
                    after=after,
                )
            return count

        return self._database.write(work)

    def replay(
        self, account_id: str, webhook_id: str, since: Instant, until: Instant, now: Instant
    ) -> int:
        """Repeat the ended deliveries created from ``since`` to before ``until``; returns how many.

        They keep their ids, by which the receiver recognises them. Deliveries that still wait are
        not touched, so a second run at once changes nothing.
        """
        query = (
            update(CallbackRow)
            .where(
                is_delivery(account_id, webhook_id),
                col(CallbackRow.status).in_(["delivered", "dead"]),
                col(CallbackRow.created_at) >= since,
                col(CallbackRow.created_at) < until,
            )
            .values(
                status="waiting",
                due_at=now,
                since_at=now,
                tries=0,
                claimed_by=None,
                claimed_until=None,
                last_code=None,
                ended_at=None,
            )
        )
        replayed: dict[str, object] = {"replayed": {"since": iso(since), "until": iso(until)}}
        count = self._change(account_id, webhook_id, query, replayed)
        if count:
            self._outbox.notify([Destination(webhook_id, account_id)])
        return count

    def test(self, account_id: str, webhook_id: str, now: Instant) -> str | None:
        """Write an event ``webhook.test`` to one webhook; return the id of its delivery.

        None if the webhook does not exist or is disabled. A second run writes another event.
        """
        query = select(WebhookRow.id).where(
            _is_webhook(account_id, webhook_id), col(WebhookRow.disabled_at).is_(None)
        )

        def work(connection: Connection) -> tuple[str | None, Sequence[Destination]]:
            if connection.execute(query).first() is None:
                return None, []
            destination = Destination(webhook_id, account_id)
            return self._outbox.record_test_event(connection, destination, now)

        delivery_id, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return delivery_id


def _is_webhook(account_id: str, webhook_id: str) -> ColumnElement[bool]:
    return and_(
        WebhookRow.account_id == account_id,
        WebhookRow.id == webhook_id,
        col(WebhookRow.listens_until).is_(None),
    )


def _make_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _view(row: WebhookRow) -> WebhookView:
    return WebhookView(
        id=row.id,
        url=row.url,
        events=row.events.split(),
        dialect=row.dialect,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )
