"""What a delivery reports, read from the store when its body is rendered."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam
from sqlmodel import Session, col, select

from campaign.events import EndpointMethod, Event, EventEndpoint
from campaign.inbound import InboundMessage
from campaign.instants import Instant
from campaign.ports import Tally
from campaign.replies import ReplyOptions
from campaign.views import CampaignView, ClickView, MessageView
from store.accounts.api_keys import ApiKeys, KeyPair
from store.database.engine import Database
from store.database.secrets import Sealer
from store.shared import reports
from store.shared.clicks import read_click
from store.shared.reply_rows import read_inbound, read_options
from store.shared.views import campaign_view, message_view
from store.tables import Account, CallbackRow, CampaignRow, MessageRow, WebhookRow

_CALLBACK = (
    select(CallbackRow, Account.property_sid, WebhookRow)
    .join(Account, col(Account.id) == CallbackRow.account_id)
    .outerjoin(WebhookRow, col(WebhookRow.id) == CallbackRow.destination)
    .where(CallbackRow.id == bindparam("callback_id"))
)
_MESSAGE = select(MessageRow).where(MessageRow.id == bindparam("message_id"))
_CAMPAIGN = select(CampaignRow).where(CampaignRow.id == bindparam("campaign_id"))


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event with everything that a dialect may report of it.

    ``id`` is the same in every try, and ``tries`` counts the tries so far. ``message`` is in its
    present state, which may be later than ``event``. ``campaign`` has counts only in events of
    campaigns. ``inbound`` is the inbound text and ``click`` the click if the event is one;
    ``message`` and ``campaign`` are what it answers, if anything. ``key_pair`` reads the oldest
    valid key of the account, for dialects that sign with it.
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
    inbound: InboundMessage | None = None
    click: ClickView | None = None


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """An event and the secrets to sign its call with, the newest first."""

    event: WebhookEvent
    secrets: tuple[str, ...]


class EventReader:
    """Reads events for the dispatcher's renderers."""

    def __init__(self, database: Database, sealer: Sealer, api_keys: ApiKeys) -> None:
        self._database = database
        self._sealer = sealer
        self._api_keys = api_keys

    def read(self, callback_id: str, now: Instant) -> SignedEvent | None:
        """The event of a delivery, read in one snapshot.

        None if the delivery, its address or what it reports no longer exists. Raises StoreError
        if the secrets were sealed with another GODWIT_SECRET_KEY.
        """

        def work(connection: Connection) -> tuple[WebhookEvent, WebhookRow | None] | None:
            query = Session(connection).exec(_CALLBACK, params={"callback_id": callback_id})
            row = query.first()
            if row is None:
                return None
            callback, property_sid, webhook = row
            event = self._event(connection, callback, property_sid, webhook)
            return None if event is None else (event, webhook)

        found = self._database.read_snapshot(work)
        if found is None:
            return None
        event, webhook = found
        sealed = []
        if webhook is not None:
            sealed.append(webhook.secret_sealed)
            if webhook.previous_sealed and (webhook.previous_until or 0) > now:
                sealed.append(webhook.previous_sealed)
        return SignedEvent(event, tuple(map(self._sealer.unseal, sealed)))

    def _event(
        self,
        connection: Connection,
        callback: CallbackRow,
        property_sid: str,
        webhook: WebhookRow | None,
    ) -> WebhookEvent | None:
        campaign = message = inbound = click = None
        address = None if webhook is None else EventEndpoint(webhook.url)
        if callback.inbound_id is not None:
            inbound = read_inbound(connection, callback.inbound_id)
            if inbound is None:
                return None
            answered = inbound.message_id or ""
            options = read_options(connection, [answered]).get(answered, ReplyOptions())
            address = address or options.webhook
        if callback.click_id is not None:
            click = read_click(connection, callback.click_id)
            if click is None:
                return None
        if callback.message_id is not None:
            values = {"message_id": callback.message_id}
            row = connection.execute(_MESSAGE, values).first()
            if row is None:
                return None
            message = message_view(row)
            if address is None and inbound is None and row.callback_url is not None:
                address = EventEndpoint(row.callback_url, EndpointMethod(row.callback_method))
        if callback.campaign_id is not None:
            values = {"campaign_id": callback.campaign_id}
            about = connection.execute(_CAMPAIGN, values).first()
            if about is None:
                return None
            counted = reports.tally(connection, about.id) if message is None else Tally()
            campaign = campaign_view(about, counted)
        if address is None:
            return None
        return WebhookEvent(
            id=callback.id,
            event=Event(callback.event),
            at=callback.at,
            tries=callback.tries,
            dialect=callback.dialect,
            account_id=callback.account_id,
            property_sid=property_sid,
            address=address,
            campaign=campaign,
            message=message,
            key_pair=lambda: self._api_keys.reveal_oldest(callback.account_id),
            inbound=inbound,
            click=click,
        )
