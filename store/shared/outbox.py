"""The outbox: events are written in the transaction of what they report, or not at all."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Row, String, bindparam, or_, select, text
from sqlmodel import col

from campaign.events import (
    CAMPAIGN_EVENTS,
    LISTENER_PREFIX,
    MESSAGE_EVENTS,
    NATIVE,
    Destination,
    Event,
    MessageEvent,
    callback_id,
    destination_of,
    hears,
)
from campaign.inbound import InboundMessage
from campaign.instants import Instant
from campaign.states import CampaignStatus, MessageStatus
from store.database.engine import Database, json_rows
from store.tables import ClickRow, WebhookRow

_CAMPAIGN = text("SELECT account_id, dialect FROM campaign WHERE id = :campaign")
_FAILED_AT_ADMISSION = text("""
    SELECT id, final_at FROM message
    WHERE campaign_id = :campaign AND status = 'failed' AND attempts = 0
        AND (callback_url > '' OR EXISTS (
            SELECT 1 FROM webhook w WHERE w.disabled_at IS NULL
        ))
""")
_LEFT_WAITING = text("""
    SELECT DISTINCT destination FROM callback
    WHERE destination IN :destinations AND status = 'waiting' AND due_at <= :before
        AND (claimed_until IS NULL OR claimed_until <= :before)
""").bindparams(bindparam("destinations", type_=String, expanding=True))


@dataclass(frozen=True, slots=True)
class _Callback:
    """A row of ``callback`` that is still to be written."""

    account_id: str
    destination: str
    dialect: str
    event: Event
    at: Instant
    campaign_id: str | None = None
    message_id: str | None = None
    inbound_id: str | None = None
    click_id: str | None = None

    @property
    def id(self) -> str:
        subject = self.click_id or self.inbound_id or self.message_id or self.campaign_id or ""
        return callback_id(self.destination, self.event, subject, self.at)


class Outbox:
    """Writes callbacks inside the transactions of others.

    ``on_commit`` is called, in any thread, after callbacks were committed; a process with a
    webhook dispatcher sets it. Without one, the reconciler finds them later.
    """

    def __init__(self, database: Database) -> None:
        self.on_commit: Callable[[Sequence[Destination]], None] = lambda destinations: None
        self._database = database
        self._subjects = text(f"""
            SELECT m.id, m.campaign_id, m.callback_url, c.account_id, c.dialect, r.event, r.at
            FROM {database.rowset("message_id TEXT, event TEXT, at BIGINT")}
            JOIN message m ON m.id = r.message_id
            JOIN campaign c ON c.id = m.campaign_id
        """)
        callbacks = database.rowset(
            "id TEXT, account_id TEXT, destination TEXT, dialect TEXT, event TEXT, at BIGINT, "
            "campaign_id TEXT, message_id TEXT, inbound_id TEXT, click_id TEXT"
        )
        self._insert = text(f"""
            INSERT INTO callback (
                id, account_id, destination, dialect, event, at, campaign_id, message_id,
                inbound_id, click_id, status, created_at, since_at, due_at, tries
            )
            SELECT r.id, r.account_id, r.destination, r.dialect, r.event, r.at, r.campaign_id,
                r.message_id, r.inbound_id, r.click_id, 'waiting',
                CAST(:now AS BIGINT), CAST(:now AS BIGINT), CAST(:now AS BIGINT), 0
            FROM {callbacks}
            WHERE true
            ON CONFLICT (id) DO NOTHING
        """)

    def record_message_events(
        self, connection: Connection, events: Iterable[MessageEvent], now: Instant
    ) -> Sequence[Destination]:
        """Write events of messages for those who want them; return the destinations to notify.

        A status without an event is passed over. The same event twice is written once.
        """
        rows = [
            {"message_id": each.message_id, "event": event.value, "at": each.at}
            for each in events
            if (event := MESSAGE_EVENTS.get(each.status)) is not None
        ]
        if not rows:
            return []
        subjects = connection.execute(self._subjects, {"rows": json_rows(rows)}).all()
        webhooks = _webhooks(connection, {subject.account_id for subject in subjects}, now)
        callbacks = []
        for subject in subjects:
            event = Event(subject.event)
            destinations = [
                (webhook.id, webhook.dialect)
                for webhook in webhooks.get(subject.account_id, ())
                # A message's own address replaces the webhooks of its own dialect.
                if webhook.dialect == NATIVE
                or (webhook.dialect == subject.dialect and subject.callback_url is None)
                if hears(webhook.events.split(), event)
            ]
            if subject.callback_url is not None:
                address = destination_of(subject.account_id, subject.callback_url)
                destinations.append((address, subject.dialect))
            callbacks += [
                _Callback(
                    subject.account_id,
                    destination,
                    dialect,
                    event,
                    subject.at,
                    subject.campaign_id,
                    subject.id,
                )
                for destination, dialect in destinations
            ]
        return self._write(connection, callbacks, now)

    def record_unsendable_messages(
        self, connection: Connection, campaign_id: str, now: Instant
    ) -> Sequence[Destination]:
        """Write events of the messages of an admitted campaign that can never be sent."""
        found = connection.execute(_FAILED_AT_ADMISSION, {"campaign": campaign_id})
        events = [MessageEvent(row.id, MessageStatus.FAILED, row.final_at) for row in found]
        return self.record_message_events(connection, events, now)

    def record_campaign_event(
        self, connection: Connection, campaign_id: str, status: CampaignStatus, now: Instant
    ) -> Sequence[Destination]:
        """Write the end or pause of a campaign for webhooks that want it; return whom to notify."""
        event = CAMPAIGN_EVENTS.get(status)
        if event is None:
            return []
        campaign = connection.execute(_CAMPAIGN, {"campaign": campaign_id}).one()
        account_id = campaign.account_id
        callbacks = [
            _Callback(account_id, webhook.id, webhook.dialect, event, now, campaign_id)
            for webhook in _webhooks(connection, {account_id}, now).get(account_id, ())
            if webhook.dialect in (NATIVE, campaign.dialect)
            if hears(webhook.events.split(), event)
        ]
        return self._write(connection, callbacks, now)

    def record_inbound_event(
        self,
        connection: Connection,
        message: InboundMessage,
        now: Instant,
        leave_out: str | None = None,
    ) -> Sequence[Destination]:
        """Write an inbound message for the webhooks that want it; return whom to notify.

        A text belongs to a number, so webhooks of every dialect hear of it, except those of
        ``leave_out``, which the answered message's own address replaces.
        """
        webhooks = _webhooks(connection, {message.account_id}, now)
        callbacks = [
            _of_inbound(message, webhook.id, webhook.dialect)
            for webhook in webhooks.get(message.account_id, ())
            if webhook.dialect != leave_out
            if hears(webhook.events.split(), Event.MESSAGE_RECEIVED)
        ]
        return self._write(connection, callbacks, now)

    def record_forwarding(
        self,
        connection: Connection,
        message: InboundMessage,
        dialect: str,
        address: str,
        now: Instant,
    ) -> tuple[str, Destination]:
        """Write that an inbound message goes on to an address that the answered message named.

        Returns the callback's id and whom to notify.
        """
        callback = _of_inbound(message, destination_of(message.account_id, address), dialect)
        (destination,) = self._write(connection, [callback], now)
        return callback.id, destination

    def record_opt_out_event(
        self, connection: Connection, account_id: str, event: Event, event_id: str, now: Instant
    ) -> Sequence[Destination]:
        """Write that a number opted out or in for the native webhooks that want it.

        ``event_id`` is the STOP or START that did it. Returns whom to notify.
        """
        callbacks = [
            _Callback(account_id, webhook.id, NATIVE, event, now, inbound_id=event_id)
            for webhook in _webhooks(connection, {account_id}, now).get(account_id, ())
            if webhook.dialect == NATIVE and hears(webhook.events.split(), event)
        ]
        return self._write(connection, callbacks, now)

    def record_auto_reply(
        self,
        connection: Connection,
        account_id: str,
        number: str,
        event_id: str,
        now: Instant,
        claim: Callable[[str], bool],
    ) -> Sequence[Destination]:
        """Write that a keyword is answered, if ``claim`` returns True for the callback's id.

        Returns whom to notify.
        """
        destination = destination_of(account_id, f"tel:{number}")
        event = Event.MESSAGE_RECEIVED
        callback = _Callback(account_id, destination, NATIVE, event, now, inbound_id=event_id)
        return self._write(connection, [callback], now) if claim(callback.id) else []

    def record_click_event(self, connection: Connection, click: ClickRow) -> Sequence[Destination]:
        """Write a click for the webhooks that want it; return whom to notify."""
        campaign = connection.execute(_CAMPAIGN, {"campaign": click.campaign_id}).one()
        webhooks = _webhooks(connection, {campaign.account_id}, click.at)
        callbacks = [
            _Callback(
                campaign.account_id,
                webhook.id,
                webhook.dialect,
                Event.LINK_CLICKED,
                click.at,
                click.campaign_id,
                click.message_id,
                click_id=click.id,
            )
            for webhook in webhooks.get(campaign.account_id, ())
            if webhook.dialect in (NATIVE, campaign.dialect)
            if hears(webhook.events.split(), Event.LINK_CLICKED)
        ]
        return self._write(connection, callbacks, click.at)

    def record_test_event(
        self, connection: Connection, destination: Destination, now: Instant
    ) -> tuple[str, Sequence[Destination]]:
        """Write a test for one webhook; return the delivery's id and whom to notify."""
        account_id, event = destination.account_id, Event.WEBHOOK_TEST
        callback = _Callback(account_id, destination.id, NATIVE, event, now)
        return callback.id, self._write(connection, [callback], now)

    def notify(self, destinations: Sequence[Destination]) -> None:
        """Report destinations with committed callbacks; called after the transaction."""
        if destinations:
            self.on_commit(destinations)

    def left_waiting(self, destinations: Collection[str], before: Instant) -> Collection[str]:
        """Return those of the destinations where a callback is due and unclaimed since before."""
        values = {"destinations": sorted(destinations), "before": before}
        return self._database.read(
            lambda connection: {row[0] for row in connection.execute(_LEFT_WAITING, values)}
        )

    def _write(
        self, connection: Connection, callbacks: Sequence[_Callback], now: Instant
    ) -> Sequence[Destination]:
        if not callbacks:
            return []
        rows = json_rows([{"id": each.id, **asdict(each)} for each in callbacks])
        connection.execute(self._insert, {"rows": rows, "now": now})
        found = {Destination(each.destination, each.account_id) for each in callbacks}
        # The client of a listener asks by itself.
        return [one for one in found if not one.id.startswith(LISTENER_PREFIX)]


def _of_inbound(message: InboundMessage, destination: str, dialect: str) -> _Callback:
    return _Callback(
        message.account_id,
        destination,
        dialect,
        Event.MESSAGE_RECEIVED,
        message.received_at,
        message.campaign_id,
        message.message_id,
        message.id,
    )


def _webhooks(
    connection: Connection, accounts: set[str], now: Instant
) -> Mapping[str, Sequence[Row[str, str, str, str]]]:
    """Return the enabled webhooks and the listeners of accounts, by account."""
    query = select(
        col(WebhookRow.id),
        col(WebhookRow.account_id),
        col(WebhookRow.events),
        col(WebhookRow.dialect),
    ).where(
        col(WebhookRow.account_id).in_(sorted(accounts)),
        col(WebhookRow.disabled_at).is_(None),
        or_(col(WebhookRow.listens_until).is_(None), col(WebhookRow.listens_until) > now),
    )
    found: dict[str, list[Row[str, str, str, str]]] = {}
    if accounts:
        for row in connection.execute(query):
            found.setdefault(row.account_id, []).append(row)
    return found
