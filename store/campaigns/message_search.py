"""Messages of an account by what they have in common, those of the newest campaigns first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.instants import Instant
from campaign.states import MessageStatus

# Of the page after the message at ``:position`` of the campaign ``:campaign_after``.
_AFTER = """
    campaign.created_at <= :asked_at AND (
        campaign.created_at < :asked_at OR campaign.id < :campaign_after
        OR (campaign.id = :campaign_after AND message.position > :position)
    )
"""


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """What found messages have in common; None matches every message.

    ``to`` is a number in E.164. Their campaigns were created at ``since`` or later, and before
    ``until``.
    """

    to: str | None = None
    reference: str | None = None
    campaign_id: str | None = None
    status: MessageStatus | None = None
    sender: str | None = None
    since: Instant | None = None
    until: Instant | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: when the last message's campaign was created, its id, the position."""

    asked_at: Instant
    campaign_id: str
    position: int


def message_rows(
    connection: Connection,
    account_id: str | None,
    wanted: MessageFilter,
    limit: int,
    after: Place | None,
) -> Sequence[Row[Any]]:
    """The rows of a page, of one account or of all, each with ``asked_at``."""
    conditions = {
        "campaign.account_id = :account": account_id,
        _AFTER: after,
        "message.recipient = :to": wanted.to,
        "message.reference = :reference": wanted.reference,
        "campaign.id = :campaign": wanted.campaign_id,
        "message.status = :status": wanted.status,
        "message.sender = :sender": wanted.sender,
        "campaign.created_at >= :since": wanted.since,
        "campaign.created_at < :until": wanted.until,
    }
    applied = [condition for condition, value in conditions.items() if value is not None]
    query = text(f"""
        SELECT message.*, campaign.created_at AS asked_at
        FROM campaign JOIN message ON message.campaign_id = campaign.id
        WHERE {" AND ".join(applied) or "1 = 1"}
        ORDER BY campaign.created_at DESC, campaign.id DESC, message.position
        LIMIT :limit
    """)
    values: dict[str, object] = {
        "account": account_id,
        "to": wanted.to,
        "reference": wanted.reference,
        "campaign": wanted.campaign_id,
        "status": wanted.status,
        "sender": wanted.sender,
        "since": wanted.since,
        "until": wanted.until,
        "limit": limit,
    }
    if after is not None:
        values |= {
            "asked_at": after.asked_at,
            "campaign_after": after.campaign_id,
            "position": after.position,
        }
    return connection.execute(query, values).all()
