"""Inbound messages and reply options as rows, for several parts of the store."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select
from sqlmodel import col

from campaign.events import EndpointMethod, EventEndpoint
from campaign.inbound import InboundMessage
from campaign.model import ComposedCampaign
from campaign.replies import ReplyOptions
from store.tables import InboundRow, ReplyOption


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


def inbound_of(row: Row[Any]) -> InboundMessage:
    """Make an inbound message from its row."""
    return InboundMessage(
        id=row.id,
        account_id=row.account_id,
        writer=row.writer,
        number=row.number,
        body=row.body,
        received_at=row.received_at,
        message_id=row.message_id,
        campaign_id=row.campaign_id,
        carrier=row.carrier,
        media_urls=tuple(json.loads(row.media_urls or "[]")),
        needs_review=bool(row.needs_review),
        unread=bool(row.unread),
    )


def read_options(connection: Connection, message_ids: Sequence[str]) -> Mapping[str, ReplyOptions]:
    """Return the options of those of the messages that have any, in the caller's transaction."""
    query = select(ReplyOption).where(col(ReplyOption.message_id).in_(message_ids))
    return {row.message_id: options_of(row) for row in connection.execute(query)}


def read_inbound(connection: Connection, id: str) -> InboundMessage | None:
    """Return an inbound message, in the caller's transaction; None for an unknown id."""
    row = connection.execute(select(InboundRow).where(col(InboundRow.id) == id)).first()
    return None if row is None else inbound_of(row)
