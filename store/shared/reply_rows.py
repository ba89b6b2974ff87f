"""Replies and reply options as rows, for several parts of the store."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, text

from campaign.events import EndpointMethod, EventEndpoint
from campaign.model import ComposedCampaign
from campaign.replies import Reply, ReplyOptions
from store.tables import ReplyOption

OPTIONS = text("SELECT * FROM reply_option WHERE message_id IN :messages").bindparams(
    bindparam("messages", expanding=True)
)
_ANY_REPLY = text("SELECT * FROM reply WHERE id = :reply")


def write_options(connection: Connection, composed: ComposedCampaign) -> None:
    """Write the options of a new campaign's messages, inside the caller's transaction."""
    rows = [
        {
            "message_id": message.id,
            "account_id": composed.draft.account_id,
            "number": message.sender,
            "recipient": message.to,
            "leased": options.leased,
            "receipts": options.receipts,
            "to_number": options.to_number,
            "from_sender": options.from_sender,
            "to_email": options.to_email,
            "from_email": options.from_email,
            "webhook_uri": options.webhook and options.webhook.url,
            "webhook_method": options.webhook and options.webhook.method.value,
        }
        for message in composed.messages
        if (options := message.replies) is not None
    ]
    if rows:
        connection.execute(insert(ReplyOption), rows)


def read_options(row: Row[Any]) -> ReplyOptions:
    """Read the options of one message back from its row."""
    webhook = None
    if row.webhook_uri is not None:
        webhook = EventEndpoint(row.webhook_uri, EndpointMethod(row.webhook_method))
    return ReplyOptions(
        leased=bool(row.leased),
        receipts=bool(row.receipts),
        to_number=row.to_number,
        from_sender=row.from_sender,
        to_email=row.to_email,
        from_email=row.from_email,
        webhook=webhook,
    )


def reply_of(row: Row[Any]) -> Reply:
    """Read a reply back from its row."""
    return Reply(**{each.name: getattr(row, each.name) for each in fields(Reply)})


def read_reply(connection: Connection, id: str) -> tuple[Reply, ReplyOptions] | None:
    """A reply with the options of the message that it answers, in the caller's transaction."""
    row = connection.execute(_ANY_REPLY, {"reply": id}).first()
    asked = row and connection.execute(OPTIONS, {"messages": [row.message_id]}).first()
    return (reply_of(row), read_options(asked)) if row and asked else None
