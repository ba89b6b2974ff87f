"""What a piece of news is about, read from the store at the moment of telling."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.events import EndpointMethod, Event, EventEndpoint
from campaign.instants import Instant
from campaign.ports import Tally
from campaign.replies import Reply
from store.accounts.api_keys import ApiKeys, KeyPair
from store.database.engine import Database
from store.database.secrets import Sealer
from store.shared import reports
from store.shared.reply_rows import read_reply
from store.shared.views import CampaignView, MessageView, campaign_view, message_view

_GET = text(
    "SELECT k.*, a.property_sid, w.url, w.secret_sealed, w.previous_sealed, w.previous_until "
    "FROM callback k JOIN account a ON a.id = k.account_id "
    "LEFT JOIN webhook w ON w.id = k.destination WHERE k.id = :callback"
)
_MESSAGE = text("SELECT * FROM message WHERE id = :message")
_CAMPAIGN = text("SELECT * FROM campaign WHERE id = :campaign")
_FIRST_KEY = text(
    "SELECT id FROM api_key WHERE account_id = :account AND revoked_at IS NULL "
    "ORDER BY created_at, id LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event with everything that a dialect may want to say of it.

    ``id`` stays the same in every try. ``message`` is as it stands now, which may be further than
    ``event``; of ``campaign`` the counts are there for its own events only. ``reply`` is the text
    that came in answer to ``message``, where that is the news. ``key_pair`` reveals the account's
    oldest live key, for dialects that sign with it.
    """

    id: str
    event: Event
    at: Instant
    tries: int
    dialect: str
    account_id: str
    property_sid: str
    address: EventEndpoint
    campaign: CampaignView | None
    message: MessageView | None
    key_pair: Callable[[], KeyPair | None]
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """An event and the secrets that its call is signed with, the newest first."""

    event: WebhookEvent
    secrets: tuple[str, ...]


class EventReader:
    """Reads callbacks for those who render and call."""

    def __init__(self, database: Database, sealer: Sealer, keys: ApiKeys) -> None:
        self._database = database
        self._sealer = sealer
        self._keys = keys

    def read(self, callback_id: str, now: Instant) -> SignedEvent | None:
        """One callback with what it is about; None when either is not there any more.

        Raises StoreError when GODWIT_SECRET_KEY is not the one that sealed the secrets.
        """

        def work(connection: Connection) -> tuple[Row[Any], WebhookEvent] | None:
            row = connection.execute(_GET, {"callback": callback_id}).first()
            event = None if row is None else self._event(connection, row)
            return None if row is None or event is None else (row, event)

        found = self._database.read_snapshot(work)
        if found is None:
            return None
        row, event = found
        sealed = [row.secret_sealed] if row.secret_sealed else []
        if row.previous_sealed and row.previous_until > now:
            sealed.append(row.previous_sealed)
        return SignedEvent(event, tuple(map(self._sealer.unseal, sealed)))

    def _event(self, connection: Connection, row: Row[Any]) -> WebhookEvent | None:
        campaign = message = reply = None
        address = None if row.url is None else EventEndpoint(row.url)
        if row.inbound_id is not None:
            answered = read_reply(connection, row.inbound_id)
            if answered is None:
                return None
            reply, options = answered
            address = address or options.webhook
        if row.message_id is not None:
            of = connection.execute(_MESSAGE, {"message": row.message_id}).first()
            if of is None:
                return None
            message = message_view(of)
            if address is None and of.callback_url is not None:
                address = EventEndpoint(of.callback_url, EndpointMethod(of.callback_method))
        if row.campaign_id is not None:
            about = connection.execute(_CAMPAIGN, {"campaign": row.campaign_id}).first()
            if about is None:
                return None
            counted = reports.tally(connection, about.id) if message is None else Tally()
            campaign = campaign_view(about, counted)
        if address is None:
            return None
        return WebhookEvent(
            id=row.id,
            event=Event(row.event),
            at=row.at,
            tries=row.tries,
            dialect=row.dialect,
            account_id=row.account_id,
            property_sid=row.property_sid,
            address=address,
            campaign=campaign,
            message=message,
            key_pair=lambda: self._key_pair(row.account_id),
            reply=reply,
        )

    def _key_pair(self, account_id: str) -> KeyPair | None:
        key_id = self._database.read(
            lambda connection: connection.execute(_FIRST_KEY, {"account": account_id}).scalar()
        )
        return None if key_id is None else self._keys.reveal_key(key_id)
