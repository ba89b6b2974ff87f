"""Inbound texts: kept once for each account that they concern, linked, counted and reported.

A text and everything that it causes in the store, but for opt-outs, is one transaction; the webhook
workflows deliver its callbacks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, text, tuple_
from sqlmodel import col

from campaign.events import Destination
from campaign.handoffs import Inbound
from campaign.inbound import InboundMessage, inbound_id
from campaign.instants import SECOND, Instant
from campaign.keyword_reading import read_keyword
from campaign.keywords import Keyword, Reading
from campaign.phone import canonical_number
from campaign.replies import ReplyChannel, ReplyOptions
from store.database.engine import Database
from store.replies.leases import lease_holder
from store.shared.keyword_settings import settings_of
from store.shared.outbox import Outbox
from store.shared.reply_rows import inbound_of, options_of
from store.tables import InboundRow, ReplyChannelRow

# A carrier's clock may be behind ours by so much, and still a text answers what was sent before it.
CLOCK_ALLOWANCE: Instant = 5 * SECOND

_LEFT = "(m.sent_at IS NOT NULL OR m.status IN ('sending', 'unknown'))"
_OWNERS = text("""
    SELECT account_id FROM sender WHERE address IN :numbers AND active ORDER BY account_id
""").bindparams(bindparam("numbers", expanding=True))
_WRITERS = text(f"""
    SELECT DISTINCT c.account_id
    FROM message m JOIN campaign c ON c.id = m.campaign_id
    WHERE m.recipient = :writer AND m.sender IN :numbers AND {_LEFT} AND NOT c.sandbox
""").bindparams(bindparam("numbers", expanding=True))
# What was sent last before the text. A message to a leased number need not have left yet, because
# all that share the lease have the same options.
_ANSWERED = text(f"""
    SELECT o.*, m.id AS answered_id, m.campaign_id, c.account_id AS sent_by, c.dialect
    FROM message m
    JOIN campaign c ON c.id = m.campaign_id
    LEFT JOIN reply_option o ON o.message_id = m.id AND o.leased
    WHERE m.recipient = :writer AND m.sender IN :numbers AND NOT c.sandbox
        AND ({_LEFT} OR (o.leased AND c.account_id = CAST(:account AS VARCHAR)))
        AND c.account_id = COALESCE(CAST(:account AS VARCHAR), c.account_id)
    ORDER BY CASE WHEN m.sent_at <= :until THEN 0 WHEN m.sent_at IS NULL THEN 2 ELSE 1 END,
        m.sent_at DESC, m.due_at, m.id
    LIMIT 1
""").bindparams(bindparam("numbers", expanding=True))
_INSERT = text("""
    INSERT INTO inbound_message (
        id, account_id, carrier, writer, number, body, media_urls, received_at, campaign_id,
        message_id, needs_review, unread
    )
    VALUES (
        :id, :account_id, :carrier, :writer, :number, :body, :media_urls, :received_at,
        :campaign_id, :message_id, :needs_review, :unread
    )
    ON CONFLICT (id) DO NOTHING
""")
_COUNT = text("UPDATE campaign SET replies = replies + 1 WHERE id = :campaign_id")


@dataclass(frozen=True, slots=True)
class Taken:
    """What is kept of an inbound text.

    ``messages`` are the text as each account has it that the number belongs to, as it was stored
    the first time; there is none where the number fits nobody. ``readings`` say what it asks of
    each account that has it or wrote to its writer from that number.
    """

    messages: Sequence[InboundMessage] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InboundFilter:
    """Which inbound texts of an account to list; what is None does not matter."""

    writer: str | None = None
    number: str | None = None
    campaign_id: str | None = None
    since: Instant | None = None
    needs_review: bool | None = None


class InboundMessages:
    """Inbound texts in the database."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    def take(self, inbound: Inbound, carrier: str, now: Instant) -> Taken:
        """Keep a text, link it to what it answers, count it there and record its callbacks.

        The first of its recipients that fits an account counts. It belongs to the accounts that
        have the number as a sender, else to the one with a live lease, else to the one that wrote
        to the person from it last. Only a live lease forwards it. A second run changes nothing and
        returns what the first one stored.
        """
        writer = canonical_number(inbound.sender) or inbound.sender

        def work(connection: Connection) -> tuple[Taken, Sequence[Destination]]:
            for written in (inbound.to, *inbound.also_to):
                text_to = _TextTo(writer, canonical_number(written) or written, written)
                found = self._take(connection, inbound, carrier, text_to, now)
                if found[0].messages:
                    return found
            return Taken(), []

        taken, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return taken

    def _take(
        self,
        connection: Connection,
        inbound: Inbound,
        carrier: str,
        text_to: "_TextTo",
        now: Instant,
    ) -> tuple[Taken, Sequence[Destination]]:
        at = max(0, min(inbound.at, now))
        writers = set(connection.scalars(_WRITERS, text_to.values))
        holder = lease_holder(connection, text_to.number, text_to.writer, now)
        owners = list(connection.scalars(_OWNERS, text_to.values))
        if not owners and holder is not None:
            owners = [holder.account_id]
        if not owners and writers:
            owners = [_answered(connection, text_to, None, at).sent_by]  # type: ignore[union-attr]
        messages: list[InboundMessage] = []
        destinations: list[Destination] = []
        readings = {
            account_id: _read(connection, account_id, inbound) for account_id in {*owners, *writers}
        }
        for account_id in owners:
            answered = _answered(connection, text_to, account_id, at)
            message = InboundMessage(
                id=inbound_id(account_id, carrier, inbound, text_to.writer, text_to.number),
                account_id=account_id,
                writer=text_to.writer,
                number=text_to.number,
                body=inbound.body,
                received_at=at,
                message_id=answered and answered.answered_id,
                campaign_id=answered and answered.campaign_id,
                carrier=carrier,
                media_urls=inbound.media_urls,
                needs_review=readings[account_id].needs_review,
                unread=True,
            )
            stored = _store(connection, message)
            if stored is message:
                is_leased = holder is not None and holder.account_id == account_id
                destinations += self._report(connection, message, answered, is_leased, now)
            messages.append(stored)
        return Taken(messages, readings), destinations

    def _report(
        self,
        connection: Connection,
        message: InboundMessage,
        answered: Row[Any] | None,
        is_leased: bool,
        now: Instant,
    ) -> Sequence[Destination]:
        """Record the callbacks of a new text; a blank one is not forwarded as a text or mail."""
        options = ReplyOptions()
        if answered is not None and answered.message_id is not None and is_leased:
            options = options_of(answered)
        addresses = options.addresses()
        if message.is_blank:
            addresses.pop(ReplyChannel.NUMBER, None)
            addresses.pop(ReplyChannel.EMAIL, None)
        own = answered.dialect if answered is not None and options.webhook is not None else None
        destinations = [*self._outbox.record_inbound_event(connection, message, now, own)]
        for channel, address in addresses.items():
            assert answered is not None
            callback_id, destination = self._outbox.record_forwarding(
                connection, message, answered.dialect, address, now
            )
            row = ReplyChannelRow(
                callback_id=callback_id, inbound_id=message.id, channel=channel.value
            )
            connection.execute(insert(ReplyChannelRow), row.model_dump())
            destinations.append(destination)
        return destinations

    def list(
        self,
        account_id: str,
        wanted: InboundFilter,
        limit: int = 100,
        before: tuple[Instant, str] | None = None,
    ) -> Sequence[InboundMessage]:
        """A page of an account's inbound texts, newest first.

        ``before`` is the instant and the id of the last one of the page before.
        """
        query = select(InboundRow).where(col(InboundRow.account_id) == account_id)
        for column, value in (
            (InboundRow.writer, wanted.writer),
            (InboundRow.number, wanted.number),
            (InboundRow.campaign_id, wanted.campaign_id),
            (InboundRow.needs_review, wanted.needs_review),
        ):
            if value is not None:
                query = query.where(col(column) == value)
        if wanted.since is not None:
            query = query.where(col(InboundRow.received_at) >= wanted.since)
        order = tuple_(col(InboundRow.received_at), col(InboundRow.id))
        if before is not None:
            query = query.where(order < before)
        query = query.order_by(col(InboundRow.received_at).desc(), col(InboundRow.id).desc())
        return self._database.read(
            lambda connection: [inbound_of(row) for row in connection.execute(query.limit(limit))]
        )


class _TextTo:
    """The writer of a text and one of the numbers that it was sent to, for statements."""

    def __init__(self, writer: str, number: str, written: str) -> None:
        self.writer = writer
        self.number = number
        self.values = {"writer": writer, "numbers": sorted({number, written})}


def _answered(
    connection: Connection, text_to: _TextTo, account_id: str | None, at: Instant
) -> Row[Any] | None:
    values = {**text_to.values, "account": account_id, "until": at + CLOCK_ALLOWANCE}
    return connection.execute(_ANSWERED, values).first()


def _read(connection: Connection, account_id: str, inbound: Inbound) -> Reading:
    """What a text asks of an account; a name or short code can neither opt out nor in."""
    if canonical_number(inbound.sender) is None:
        return Reading()
    verdict = Keyword(inbound.keyword) if inbound.keyword else None
    return read_keyword(inbound.body, settings_of(connection, account_id), verdict)


def _store(connection: Connection, message: InboundMessage) -> InboundMessage:
    """Store a text; returns it, or what an earlier run stored under its id."""
    values = {
        "id": message.id,
        "account_id": message.account_id,
        "carrier": message.carrier,
        "writer": message.writer,
        "number": message.number,
        "body": message.body,
        "media_urls": json.dumps(message.media_urls) if message.media_urls else None,
        "received_at": message.received_at,
        "campaign_id": message.campaign_id,
        "message_id": message.message_id,
        "needs_review": message.needs_review,
        "unread": message.unread,
    }
    if connection.execute(_INSERT, values).rowcount == 0:
        query = select(InboundRow).where(col(InboundRow.id) == message.id)
        return inbound_of(connection.execute(query).one())
    if message.campaign_id is not None:
        connection.execute(_COUNT, values)
    return message
