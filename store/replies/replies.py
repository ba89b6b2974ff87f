"""Replies to messages, and the messages of accounts with their reply options.

A reply and the callbacks that forward it are written in one transaction; the webhook workflows
deliver them (webhooks/reply_forwarding.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text
from sqlmodel import col

from campaign.events import Destination
from campaign.handoffs import Inbound
from campaign.instants import Instant
from campaign.phone import canonical_number
from campaign.replies import Reply, ReplyChannel, ReplyOptions, reply_id
from campaign.views import MessageView
from store.database.engine import Database
from store.replies.leases import lease_holder
from store.shared.outbox import Outbox
from store.shared.reply_rows import options_of, read_options, reply_of
from store.shared.views import message_view
from store.tables import ReplyChannelRow, ReplyRow

_MESSAGE = text("""
    SELECT m.*, c.created_at FROM message m JOIN campaign c ON c.id = m.campaign_id
    WHERE m.id = :message AND c.account_id = :account
""")
# A reply answers the message that was sent last. Messages that share a lease have the same options.
_ANSWERED = text("""
    SELECT o.*, m.campaign_id, c.dialect
    FROM reply_option o
    JOIN message m ON m.id = o.message_id
    JOIN campaign c ON c.id = m.campaign_id
    WHERE o.number = :number AND o.recipient = :recipient AND o.account_id = :account
        AND o.leased
    ORDER BY CASE WHEN m.sent_at IS NULL THEN 1 ELSE 0 END, m.sent_at DESC, m.due_at, m.id
    LIMIT 1
""")
_INSERT = text("""
    INSERT INTO reply (id, account_id, message_id, writer, number, body, received_at)
    VALUES (:id, :account_id, :message_id, :writer, :number, :body, :received_at)
    ON CONFLICT (id) DO NOTHING
""")
_FORWARD = text("""
    SELECT r.*, w.channel, c.dialect
    FROM reply_channel w
    JOIN reply r ON r.id = w.reply_id
    JOIN message m ON m.id = r.message_id
    JOIN campaign c ON c.id = m.campaign_id
    WHERE w.callback_id = :callback
""")


@dataclass(frozen=True, slots=True)
class AskedMessage:
    """A message, when it was requested, and the reply options of its request."""

    message: MessageView
    created_at: Instant
    options: ReplyOptions


@dataclass(frozen=True, slots=True)
class Forward:
    """A reply on one of its channels, in the dialect of the message that it answers."""

    reply: Reply
    channel: ReplyChannel
    options: ReplyOptions
    dialect: str


class Replies:
    """Replies in the database."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    def take(self, inbound: Inbound, now: Instant) -> str | None:
        """Store a text to a leased number and record its forwarding; return its account.

        Returns None and stores nothing for any other text. A second run changes nothing.
        """
        writer = canonical_number(inbound.sender) or inbound.sender
        number = canonical_number(inbound.to) or inbound.to

        def work(connection: Connection) -> tuple[str | None, Sequence[Destination]]:
            holder = lease_holder(connection, number, writer, now)
            if holder is None:
                return None, []
            values = {"number": number, "recipient": writer, "account": holder.account_id}
            answered = connection.execute(_ANSWERED, values).first()
            if answered is None:
                return holder.account_id, []
            reply = Reply(
                id=reply_id(holder.account_id, writer, number, inbound.body, inbound.at),
                account_id=holder.account_id,
                message_id=answered.message_id,
                writer=writer,
                number=number,
                body=inbound.body,
                received_at=inbound.at,
            )
            if connection.execute(_INSERT, asdict(reply)).rowcount == 0:
                return holder.account_id, []
            return holder.account_id, self._forward_all(connection, reply, answered, now)

        account_id, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return account_id

    def _forward_all(
        self, connection: Connection, reply: Reply, answered: Row[Any], now: Instant
    ) -> Sequence[Destination]:
        addresses = options_of(answered).addresses()
        destinations = [
            self._outbox.record_reply_event(
                connection, reply, answered.campaign_id, answered.dialect, address, now
            )
            for address in addresses.values()
        ]
        channels = [
            {"callback_id": callback_id, "reply_id": reply.id, "channel": channel.value}
            for channel, (callback_id, _) in zip(addresses, destinations, strict=True)
        ]
        if channels:
            connection.execute(insert(ReplyChannelRow), channels)
        return [destination for _, destination in destinations]

    def reply(self, account_id: str, id: str) -> Reply | None:
        """Return one reply of an account; None for an unknown id or another account's reply."""
        query = select(ReplyRow).where(
            col(ReplyRow.id) == id, col(ReplyRow.account_id) == account_id
        )

        def work(connection: Connection) -> Reply | None:
            row = connection.execute(query).first()
            return None if row is None else reply_of(row)

        return self._database.read(work)

    def forward(self, callback_id: str) -> Forward | None:
        """Return the reply that a callback forwards; None for any other callback."""

        def work(connection: Connection) -> Forward | None:
            row = connection.execute(_FORWARD, {"callback": callback_id}).first()
            if row is None:
                return None
            reply = reply_of(row)
            options = read_options(connection, [reply.message_id])[reply.message_id]
            return Forward(reply, ReplyChannel(row.channel), options, row.dialect)

        return self._database.read_snapshot(work)

    def options(self, message_ids: Sequence[str]) -> Mapping[str, ReplyOptions]:
        """Return the options of those of the messages that have any, by message id."""
        return self._database.read(lambda connection: read_options(connection, message_ids))

    def message(self, account_id: str, message_id: str) -> AskedMessage | None:
        """Return one message of an account; None for an unknown id or another account's."""
        values = {"message": message_id, "account": account_id}

        def work(connection: Connection) -> AskedMessage | None:
            row = connection.execute(_MESSAGE, values).first()
            if row is None:
                return None
            options = read_options(connection, [message_id]).get(message_id, ReplyOptions())
            return AskedMessage(message_view(row), row.created_at, options)

        return self._database.read_snapshot(work)
