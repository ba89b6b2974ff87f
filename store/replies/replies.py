"""Messages by their id with what their senders want besides, and the answers that came to them.

An answer is kept, and the callbacks that take it further are written, in one transaction; the
couriers bring them (webhooks/reply_forwarding.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, text

from campaign.handoffs import Inbound
from campaign.instants import Instant
from campaign.phone import canonical_number
from campaign.replies import Reply, ReplyChannel, ReplyOptions, reply_id
from store.database.engine import Database
from store.replies.leases import LEASE_HOLDER
from store.shared.outbox import Destination, Outbox
from store.shared.reply_rows import OPTIONS, read_options, reply_of
from store.shared.views import MessageView, message_view
from store.tables import ReplyChannelRow

_MESSAGE = text(
    "SELECT m.*, c.created_at FROM message m JOIN campaign c ON c.id = m.campaign_id "
    "WHERE m.id = :message AND c.account_id = :account"
)
# The one that was sent last; those who share a lease want the same done with answers.
_ORIGINAL = text(
    "SELECT o.*, m.campaign_id, c.dialect FROM reply_option o "
    "JOIN message m ON m.id = o.message_id JOIN campaign c ON c.id = m.campaign_id "
    "WHERE o.number = :number AND o.recipient = :recipient AND o.account_id = :account "
    "AND o.leased ORDER BY CASE WHEN m.sent_at IS NULL THEN 1 ELSE 0 END, m.sent_at DESC, "
    "m.due_at, m.id LIMIT 1"
)
_KEEP = text(
    "INSERT INTO reply (id, account_id, message_id, writer, number, body, received_at) "
    "VALUES (:id, :account_id, :message_id, :writer, :number, :body, :received_at) "
    "ON CONFLICT (id) DO NOTHING"
)
_REPLY = text("SELECT * FROM reply WHERE id = :reply AND account_id = :account")
_FORWARD = text(
    "SELECT r.*, w.channel, c.dialect FROM reply_channel w JOIN reply r ON r.id = w.reply_id "
    "JOIN message m ON m.id = r.message_id JOIN campaign c ON c.id = m.campaign_id "
    "WHERE w.callback_id = :callback"
)


@dataclass(frozen=True, slots=True)
class AskedMessage:
    """A message, when its request came, and what was asked for with it."""

    message: MessageView
    created_at: Instant
    options: ReplyOptions


@dataclass(frozen=True, slots=True)
class Forward:
    """A reply on one of its ways, in the dialect of the message that it answers."""

    reply: Reply
    channel: ReplyChannel
    options: ReplyOptions
    dialect: str


class Replies:
    """What becomes of answers, in the database."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    def take(self, inbound: Inbound, now: Instant) -> str | None:
        """Keep a text to a leased number and send it on its ways; the account that it is for.

        None, and nothing is kept, for any other text. Brought again, it changes nothing.
        """
        writer = canonical_number(inbound.sender) or inbound.sender
        number = canonical_number(inbound.to) or inbound.to
        lease = {"number": number, "recipient": writer, "at": now}

        def work(connection: Connection) -> tuple[str | None, Sequence[Destination]]:
            holder = connection.execute(LEASE_HOLDER, lease).first()
            if holder is None:
                return None, []
            values = {**lease, "account": holder.account_id}
            original = connection.execute(_ORIGINAL, values).first()
            if original is None:
                return holder.account_id, []
            reply = Reply(
                id=reply_id(holder.account_id, writer, number, inbound.body, inbound.at),
                account_id=holder.account_id,
                message_id=original.message_id,
                writer=writer,
                number=number,
                body=inbound.body,
                received_at=inbound.at,
            )
            if connection.execute(_KEEP, asdict(reply)).rowcount == 0:
                return holder.account_id, []
            return holder.account_id, self._send_on(connection, reply, original, now)

        account_id, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return account_id

    def _send_on(
        self, connection: Connection, reply: Reply, original: Row[Any], now: Instant
    ) -> Sequence[Destination]:
        addresses = read_options(original).addresses()
        destinations = [
            self._outbox.record_reply_event(
                connection, reply, original.campaign_id, original.dialect, address, now
            )
            for address in addresses.values()
        ]
        context = [
            {"callback_id": callback_id, "reply_id": reply.id, "channel": channel.value}
            for channel, (callback_id, _) in zip(addresses, destinations, strict=True)
        ]
        if context:
            connection.execute(insert(ReplyChannelRow), context)
        return [destination for _, destination in destinations]

    def reply(self, account_id: str, id: str) -> Reply | None:
        """One reply of an account; None when it is not there or another account's."""
        values = {"reply": id, "account": account_id}

        def work(connection: Connection) -> Reply | None:
            row = connection.execute(_REPLY, values).first()
            return None if row is None else reply_of(row)

        return self._database.read(work)

    def forward(self, callback_id: str) -> Forward | None:
        """What a callback takes further; None for one that is about no reply."""

        def work(connection: Connection) -> Forward | None:
            row = connection.execute(_FORWARD, {"callback": callback_id}).first()
            if row is None:
                return None
            asked = connection.execute(OPTIONS, {"messages": [row.message_id]}).one()
            return Forward(
                reply_of(row), ReplyChannel(row.channel), read_options(asked), row.dialect
            )

        return self._database.read_snapshot(work)

    def options(self, message_ids: Sequence[str]) -> Mapping[str, ReplyOptions]:
        """The options of those of the messages that have any."""
        return self._database.read(
            lambda connection: {
                row.message_id: read_options(row)
                for row in connection.execute(OPTIONS, {"messages": list(message_ids)})
            }
        )

    def message(self, account_id: str, message_id: str) -> AskedMessage | None:
        """One message of an account; None when it is not there or another account's."""
        values = {"message": message_id, "account": account_id}

        def work(connection: Connection) -> AskedMessage | None:
            row = connection.execute(_MESSAGE, values).first()
            if row is None:
                return None
            asked = connection.execute(OPTIONS, {"messages": [message_id]}).first()
            options = ReplyOptions() if asked is None else read_options(asked)
            return AskedMessage(message_view(row), row.created_at, options)

        return self._database.read_snapshot(work)
