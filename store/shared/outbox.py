"""The outbox: news is written in the transaction of what it tells of, or not at all."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, String, bindparam, text

from campaign.events import (
    CAMPAIGN_EVENTS,
    MESSAGE_EVENTS,
    NATIVE,
    Event,
    callback_id,
    destination_of,
    hears,
)
from campaign.instants import Instant
from campaign.replies import Reply
from campaign.states import CampaignStatus, MessageStatus
from store.database.engine import Database, json_rows

# For a RETURNING clause: the id of a message whose news somebody wants, else NULL. It is asked
# once for a statement, so that whoever has no webhook pays next to nothing for those who have.
# (SQLite 3.40 finds every column IS NOT NULL in a RETURNING clause; a comparison is right.)
EVENT_FOR = (
    "CASE WHEN message.callback_url > '' OR EXISTS (SELECT 1 FROM webhook w "
    "WHERE w.disabled_at IS NULL{account}) THEN message.id END AS event_for"
)
EVENT_FOR_ACCOUNT = EVENT_FOR.format(account=" AND w.account_id = :account")
EVENT_FOR_ANY = EVENT_FOR.format(account="")

_CAMPAIGN = text("SELECT account_id, dialect FROM campaign WHERE id = :campaign")
_FAILED_AT_BIRTH = text(
    f"SELECT final_at, {EVENT_FOR_ANY} FROM message WHERE campaign_id = :campaign "
    "AND status = 'failed' AND attempts = 0"
)
_WEBHOOKS = text(
    "SELECT id, account_id, events, dialect FROM webhook "
    "WHERE account_id IN :accounts AND disabled_at IS NULL"
).bindparams(bindparam("accounts", expanding=True))

_LEFT_WAITING = text(
    "SELECT DISTINCT destination FROM callback WHERE destination IN :destinations "
    "AND status = 'waiting' AND due_at <= :before "
    "AND (claimed_until IS NULL OR claimed_until <= :before)"
).bindparams(bindparam("destinations", type_=String, expanding=True))


@dataclass(frozen=True, slots=True)
class Destination:
    """Where callbacks go: one queue, one courier."""

    id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """Something that happened to a message: it reached a status at an instant."""

    message_id: str
    status: MessageStatus
    at: Instant


class Outbox:
    """Writes callbacks for those who listen, inside the transactions of others.

    ``on_commit`` is called, in whatever thread, after news was committed; a process that can wake
    couriers puts its own there. Without one, the sweep of starter/api/reconciler.py does it later.
    """

    def __init__(self, database: Database) -> None:
        self.on_commit: Callable[[Sequence[Destination]], None] = lambda destinations: None
        self._database = database
        self._subjects = text(
            "SELECT m.id, m.campaign_id, m.callback_url, c.account_id, c.dialect, "
            "r.value->>'e' AS event, CAST(r.value->>'t' AS BIGINT) AS at "
            f"FROM {database.rows} JOIN message m ON m.id = r.value->>'m' "
            "JOIN campaign c ON c.id = m.campaign_id"
        )
        self._insert = text(
            "INSERT INTO callback (id, account_id, destination, dialect, event, at, campaign_id, "
            "message_id, inbound_id, status, created_at, since_at, due_at, tries) "
            "SELECT r.value->>'k', r.value->>'a', r.value->>'d', r.value->>'w', r.value->>'e', "
            "CAST(r.value->>'t' AS BIGINT), r.value->>'c', r.value->>'m', r.value->>'i', "
            "'waiting', CAST(:now AS BIGINT), CAST(:now AS BIGINT), CAST(:now AS BIGINT), 0 "
            f"FROM {database.rows} WHERE true ON CONFLICT (id) DO NOTHING"
        )

    def record_message_events(
        self, connection: Connection, events: Iterable[MessageEvent], now: Instant
    ) -> Sequence[Destination]:
        """Write what became of messages to whoever wants to hear it; whom to ring for.

        A status that is no news is passed over. The same news twice is written once.
        """
        rows = [
            {"m": each.message_id, "e": event.value, "t": each.at}
            for each in events
            if (event := MESSAGE_EVENTS.get(each.status)) is not None
        ]
        if not rows:
            return []
        subjects = connection.execute(self._subjects, {"rows": json_rows(rows)}).all()
        listening = _webhooks(connection, {subject.account_id for subject in subjects})
        lines = []
        for subject in subjects:
            line = _line(subject.account_id, Event(subject.event), subject.at)
            line |= {"c": subject.campaign_id, "m": subject.id}
            for webhook in listening.get(subject.account_id, ()):
                # A message's own address stands in for the webhooks of its own dialect.
                if webhook.dialect == NATIVE or (
                    webhook.dialect == subject.dialect and subject.callback_url is None
                ):
                    lines.append(line | {"d": webhook.id, "w": webhook.dialect})
            if subject.callback_url is not None:
                address = destination_of(subject.account_id, subject.callback_url)
                lines.append(line | {"d": address, "w": subject.dialect})
        return self._write(connection, _heard(lines, listening), now)

    def record_unsendable_messages(
        self, connection: Connection, campaign_id: str, now: Instant
    ) -> Sequence[Destination]:
        """Write of the messages of an admitted campaign that were never to be sent."""
        found = connection.execute(_FAILED_AT_BIRTH, {"campaign": campaign_id}).all()
        events = [
            MessageEvent(row.event_for, MessageStatus.FAILED, row.final_at)
            for row in found
            if row.event_for is not None
        ]
        return self.record_message_events(connection, events, now)

    def record_campaign_event(
        self, connection: Connection, campaign_id: str, status: CampaignStatus, now: Instant
    ) -> Sequence[Destination]:
        """Write the end of a campaign to the webhooks that want to hear it; whom to ring for."""
        event = CAMPAIGN_EVENTS.get(status)
        if event is None:
            return []
        campaign = connection.execute(_CAMPAIGN, {"campaign": campaign_id}).one()
        listening = _webhooks(connection, {campaign.account_id})
        line = _line(campaign.account_id, event, now) | {"c": campaign_id}
        lines = [
            line | {"d": webhook.id, "w": webhook.dialect}
            for webhook in listening.get(campaign.account_id, ())
            if webhook.dialect in (NATIVE, campaign.dialect)
        ]
        return self._write(connection, _heard(lines, listening), now)

    def record_reply_event(
        self,
        connection: Connection,
        reply: Reply,
        campaign_id: str,
        dialect: str,
        address: str,
        now: Instant,
    ) -> tuple[str, Destination]:
        """Write that a reply shall go on to an address; the callback's id and whom to ring for."""
        destination = Destination(destination_of(reply.account_id, address), reply.account_id)
        line = _line(reply.account_id, Event.MESSAGE_RECEIVED, reply.received_at)
        line |= {"c": campaign_id, "m": reply.message_id, "i": reply.id}
        self._write(connection, [line | {"d": destination.id, "w": dialect}], now)
        received = (Event.MESSAGE_RECEIVED, reply.id, reply.received_at)
        return callback_id(destination.id, *received), destination

    def notify(self, destinations: Sequence[Destination]) -> None:
        """Say that committed callbacks wait for these; called after the transaction."""
        if destinations:
            self.on_commit(destinations)

    def left_waiting(self, destinations: Collection[str], before: Instant) -> Collection[str]:
        """Those of the destinations where something has been due, and untouched, since before."""
        values = {"destinations": sorted(destinations), "before": before}
        return self._database.read(
            lambda connection: {row[0] for row in connection.execute(_LEFT_WAITING, values)}
        )

    def _write(
        self, connection: Connection, lines: Sequence[Mapping[str, Any]], now: Instant
    ) -> Sequence[Destination]:
        if not lines:
            return []
        rows = [
            {**line, "k": callback_id(line["d"], Event(line["e"]), subject_of(line), line["t"])}
            for line in lines
        ]
        connection.execute(self._insert, {"rows": json_rows(rows), "now": now})
        return list({Destination(line["d"], line["a"]) for line in lines})


def subject_of(line: Mapping[str, Any]) -> str:
    """What a line is about: an inbound text, a message, or else a campaign."""
    return str(line.get("i") or line.get("m") or line["c"])


def _line(account_id: str, event: Event, at: Instant) -> dict[str, Any]:
    return {"a": account_id, "e": event.value, "t": at, "c": None, "m": None, "i": None}


def _webhooks(connection: Connection, accounts: set[str]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    if accounts:
        for row in connection.execute(_WEBHOOKS, {"accounts": sorted(accounts)}):
            found.setdefault(row.account_id, []).append(row)
    return found


def _heard(
    lines: Iterable[dict[str, Any]], listening: Mapping[str, Sequence[Row[Any]]]
) -> list[dict[str, Any]]:
    """Leave out what a webhook did not subscribe to."""
    wanted = {webhook.id: webhook.events.split() for some in listening.values() for webhook in some}
    return [
        line for line in lines if line["d"] not in wanted or hears(wanted[line["d"]], line["e"])
    ]
