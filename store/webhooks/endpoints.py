"""Webhooks: an account's own subscriptions, their secrets, and the news that was not told."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, text

from campaign.events import SECRETS_OVERLAP, WEBHOOK_PREFIX
from campaign.ids import ID_BYTES, make_id
from campaign.instants import Instant
from store.database.engine import Database, StoreError
from store.database.secrets import Sealer
from store.shared.outbox import Destination, Outbox
from store.tables import WebhookRow

# Every event is multiplied by the webhooks that hear it.
WEBHOOKS_MAX = 20
SECRET_BYTES = 32

_OF_ACCOUNT = "account_id = :account AND id = :webhook"
_ROTATE = text(
    "UPDATE webhook SET previous_sealed = secret_sealed, previous_until = :until, "
    f"secret_sealed = :sealed WHERE {_OF_ACCOUNT}"
)
_ENABLE = text(f"UPDATE webhook SET disabled_at = NULL WHERE {_OF_ACCOUNT}")
_GET = text(f"SELECT * FROM webhook WHERE {_OF_ACCOUNT}")
_LIST = text("SELECT * FROM webhook WHERE account_id = :account ORDER BY created_at, id")
_REMOVE = text(f"DELETE FROM webhook WHERE {_OF_ACCOUNT}")
_FORGET = text("DELETE FROM callback WHERE destination = :webhook AND account_id = :account")
_REPLAY = text(
    "UPDATE callback SET status = 'waiting', due_at = :now, since_at = :now, tries = 0, "
    "claimed_by = NULL, claimed_until = NULL, last_code = NULL, ended_at = NULL "
    "WHERE destination = :webhook AND account_id = :account AND status IN ('delivered', 'dead') "
    "AND created_at >= :since AND created_at < :until"
)
_DEAD = (
    "SELECT * FROM callback WHERE destination = :webhook AND account_id = :account "
    "AND status = 'dead' {after}ORDER BY due_at DESC, id DESC LIMIT :limit"
)
_DEAD_FIRST = text(_DEAD.format(after=""))
_DEAD_AFTER = text(
    _DEAD.format(
        after="AND (due_at, id) < (SELECT due_at, id FROM callback WHERE id = :before "
        "AND destination = :webhook) "
    )
)


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A subscription without its secrets."""

    id: str
    url: str
    events: Sequence[str]
    dialect: str
    created_at: Instant
    disabled_at: Instant | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """News that was given up: after ten tries, or because nobody wanted it any more."""

    id: str
    event: str
    at: Instant
    campaign_id: str | None
    message_id: str | None
    tries: int
    last_code: str | None
    created_at: Instant
    last_due_at: Instant


class Endpoints:
    """Subscriptions in the database; every public method is one transaction.

    Each takes the account that asks: another account's webhook is as unknown as none.
    """

    def __init__(self, database: Database, sealer: Sealer, outbox: Outbox) -> None:
        self._database = database
        self._sealer = sealer
        self._outbox = outbox
        # Two additions at once must not both find the last free place.
        self._account_for_update = text(
            f"SELECT id FROM account WHERE id = :account{database.for_update}"
        )

    def add(
        self, account_id: str, url: str, events: Sequence[str], dialect: str, now: Instant
    ) -> tuple[WebhookView, str]:
        """Subscribe; returns the webhook and its secret, which is shown this once.

        Raises StoreError when the account has as many as it may. Done twice, there are two.
        """
        webhook_id = make_id(WEBHOOK_PREFIX, secrets.token_bytes(ID_BYTES))
        secret = _make_secret()
        values = {
            "id": webhook_id,
            "account_id": account_id,
            "url": url,
            "events": " ".join(events),
            "dialect": dialect,
            "secret_sealed": self._sealer.seal(secret),
            "created_at": now,
        }

        def work(connection: Connection) -> None:
            connection.execute(self._account_for_update, {"account": account_id})
            if len(connection.execute(_LIST, {"account": account_id}).all()) >= WEBHOOKS_MAX:
                raise StoreError(f"an account has at most {WEBHOOKS_MAX} webhooks")
            connection.execute(insert(WebhookRow), values)

        self._database.write(work)
        return WebhookView(webhook_id, url, list(events), dialect, now, None), secret

    def get(self, account_id: str, webhook_id: str) -> WebhookView | None:
        """One webhook of the account."""
        values = {"account": account_id, "webhook": webhook_id}
        row = self._database.read(lambda connection: connection.execute(_GET, values).first())
        return None if row is None else _view(row)

    def list(self, account_id: str) -> Sequence[WebhookView]:
        """The webhooks of the account, oldest first."""
        return self._database.read(
            lambda connection: [
                _view(row) for row in connection.execute(_LIST, {"account": account_id})
            ]
        )

    def remove(self, account_id: str, webhook_id: str) -> bool:
        """Unsubscribe and forget what was still to be told; False when it was not there."""
        values = {"account": account_id, "webhook": webhook_id}

        def work(connection: Connection) -> bool:
            if connection.execute(_REMOVE, values).rowcount == 0:
                return False
            connection.execute(_FORGET, values)
            return True

        return self._database.write(work)

    def rotate(self, account_id: str, webhook_id: str, now: Instant) -> str | None:
        """Give a webhook a new secret; None when it is not there.

        The one before signs beside it for ``SECRETS_OVERLAP``; an older one no longer does.
        """
        secret = _make_secret()
        values = {
            "account": account_id,
            "webhook": webhook_id,
            "sealed": self._sealer.seal(secret),
            "until": now + SECRETS_OVERLAP,
        }
        moved = self._database.write(
            lambda connection: connection.execute(_ROTATE, values).rowcount
        )
        return secret if moved else None

    def enable(self, account_id: str, webhook_id: str) -> bool:
        """Take a disabled webhook into use again, for news from now on; False if not there."""
        values = {"account": account_id, "webhook": webhook_id}
        return self._database.write(
            lambda connection: connection.execute(_ENABLE, values).rowcount > 0
        )

    def replay(
        self, account_id: str, webhook_id: str, since: Instant, until: Instant, now: Instant
    ) -> int:
        """Tell once more what was told or given up from ``since`` to before ``until``.

        Returns how many. Under their old ids, so that the receiver knows them again; what is
        still waiting to be told is left alone, so that a second replay at once changes nothing.
        """
        values = {
            "account": account_id,
            "webhook": webhook_id,
            "since": since,
            "until": until,
            "now": now,
        }
        count = self._database.write(
            lambda connection: connection.execute(_REPLAY, values).rowcount
        )
        if count:
            self._outbox.notify([Destination(webhook_id, account_id)])
        return count

    def dead_letters(
        self, account_id: str, webhook_id: str, limit: int = 50, before: str | None = None
    ) -> Sequence[DeadLetter]:
        """What was given up, the latest first; ``before`` is the id of the last one seen."""
        values = {
            "account": account_id,
            "webhook": webhook_id,
            "limit": limit,
            **({} if before is None else {"before": before}),
        }
        query = _DEAD_FIRST if before is None else _DEAD_AFTER
        return self._database.read(
            lambda connection: [_letter(row) for row in connection.execute(query, values)]
        )


def _make_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _view(row: Row[Any]) -> WebhookView:
    return WebhookView(
        id=row.id,
        url=row.url,
        events=row.events.split(),
        dialect=row.dialect,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        event=row.event,
        at=row.at,
        campaign_id=row.campaign_id,
        message_id=row.message_id,
        tries=row.tries,
        last_code=row.last_code,
        created_at=row.created_at,
        last_due_at=row.due_at,
    )
