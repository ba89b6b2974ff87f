"""Replies and reply options as rows, for several parts of the store."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, insert, select
from sqlmodel import col

from campaign.events import EndpointMethod, EventEndpoint
from campaign.model import ComposedCampaign
from campaign.replies import Reply, ReplyOptions
from store.tables import ReplyOption, ReplyRow


def write_options(connection: Connection, composed: ComposedCampaign) -> None:
    """Write the reply options of a new campaign's messages, in the caller's transaction."""
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


def options_of(row: Row[Any]) -> ReplyOptions:
    """Make the options of one message from its row of ``reply_option``."""
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
    """Make a reply from its row."""
    return Reply(**{each.name: getattr(row, each.name) for each in fields(Reply)})


def read_options(connection: Connection, message_ids: Sequence[str]) -> Mapping[str, ReplyOptions]:
    """Return the options of those of the messages that have any, in the caller's transaction."""
    query = select(ReplyOption).where(col(ReplyOption.message_id).in_(message_ids))
    return {row.message_id: options_of(row) for row in connection.execute(query)}


def read_reply(connection: Connection, id: str) -> tuple[Reply, ReplyOptions] | None:
    """Return a reply with the options of the message that it answers; None without either."""
    row = connection.execute(select(ReplyRow).where(col(ReplyRow.id) == id)).first()
    if row is None:
        return None
    reply = reply_of(row)
    options = read_options(connection, [reply.message_id]).get(reply.message_id)
    return None if options is None else (reply, options)
