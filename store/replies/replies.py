"""Replies that are forwarded, and the messages of accounts with their reply options.

The webhook workflows forward replies (webhooks/reply_forwarding.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.inbound import InboundMessage
from campaign.instants import Instant
from campaign.replies import ReplyChannel, ReplyOptions
from campaign.views import MessageView
from store.database.engine import Database
from store.shared.reply_rows import inbound_of, read_inbound, read_options
from store.shared.views import message_view

_MESSAGE = text("""
    SELECT m.*, c.created_at FROM message m JOIN campaign c ON c.id = m.campaign_id
    WHERE m.id = :message AND c.account_id = :account
""")
_FORWARD = text("""
    SELECT r.*, w.channel, c.dialect
    FROM reply_channel w
    JOIN inbound_message r ON r.id = w.inbound_id
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

    reply: InboundMessage
    channel: ReplyChannel
    options: ReplyOptions
    dialect: str


class Replies:
    """Replies in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reply(self, account_id: str, id: str) -> InboundMessage | None:
        """Return one inbound text of an account; None for an unknown id or another account's."""
        found = self._database.read(lambda connection: read_inbound(connection, id))
        return found if found is not None and found.account_id == account_id else None

    def forward(self, callback_id: str) -> Forward | None:
        """Return the reply that a callback forwards; None for any other callback."""

        def work(connection: Connection) -> Forward | None:
            row = connection.execute(_FORWARD, {"callback": callback_id}).first()
            if row is None:
                return None
            options = read_options(connection, [row.message_id])[row.message_id]
            return Forward(inbound_of(row), ReplyChannel(row.channel), options, row.dialect)

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
