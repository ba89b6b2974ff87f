"""Messages of an account by what they have in common, those of the newest campaigns first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.instants import Instant
from campaign.states import MessageStatus

# A position beyond every message.
POSITION_MAX = 2**31 - 1
# Of the page after the message at ``:position`` of the campaign ``:campaign_after``.
_AFTER = """
    campaign.created_at <= :asked_at AND (
        campaign.created_at < :asked_at OR campaign.id < :campaign_after
        OR (campaign.id = :campaign_after AND message.position > :position)
    )
"""
# That campaign and those after it.
_FROM_CAMPAIGN = "(campaign.created_at, campaign.id) <= (:asked_at, :campaign_after)"
_HAS_STATUS, _HAS_SENDER = (
    f"""
    EXISTS (
        SELECT 1 FROM message
        WHERE message.campaign_id = campaign.id AND message.{column} = :{column}
    )
    """
    for column in ("status", "sender")
)
# A campaign has few of them, so that the queue index finds them sooner than their positions do.
_FEW = {
    MessageStatus.SENDING,
    MessageStatus.RETRYABLE,
    MessageStatus.UNKNOWN,
    MessageStatus.FAILED,
    MessageStatus.UNDELIVERED,
}


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
    """The rows of a page, of one account or of all, each with ``asked_at``.

    A number or a reference has an index. Everything else is read campaign by campaign, because no
    database sorts by campaign and position without reading whole campaigns.
    """
    if wanted.to is not None or wanted.reference is not None:
        return _found(connection, account_id, wanted, limit, after)
    rows: list[Row[Any]] = []
    place = after
    while campaigns := _campaigns(connection, account_id, wanted, limit + 1, place):
        for campaign in campaigns:
            begun = place is not None and place.campaign_id == campaign.id
            position = place.position if place is not None and begun else None
            rows += campaign_messages(
                connection, campaign.id, limit - len(rows), position, wanted.status, wanted.sender
            )
            if len(rows) >= limit:
                return rows
        if len(campaigns) <= limit:
            break
        # The next page of campaigns begins with this one, of which nothing is left.
        place = Place(campaign.created_at, campaign.id, POSITION_MAX)
    return rows


def campaign_messages(
    connection: Connection,
    campaign_id: str,
    limit: int,
    after: int | None = None,
    status: MessageStatus | None = None,
    sender: str | None = None,
) -> Sequence[Row[Any]]:
    """The rows of a campaign by position, each with ``asked_at``; ``after`` is the last one seen.

    None of the others leaves one out.
    """
    conditions = ["campaign_id = :campaign", "position > :after"]
    if status is not None:
        # COALESCE keeps both databases off the queue index, from which they would have to sort.
        column = "status" if status in _FEW else "COALESCE(status, '')"
        conditions.append(f"{column} = :status")
    if sender is not None:
        conditions.append("sender = :sender")
    query = text(f"""
        SELECT message.*, (SELECT created_at FROM campaign WHERE id = :campaign) AS asked_at
        FROM message WHERE {" AND ".join(conditions)} ORDER BY position LIMIT :limit
    """)
    values = {
        "campaign": campaign_id,
        "after": -1 if after is None else after,
        "status": status,
        "sender": sender,
        "limit": limit,
    }
    return connection.execute(query, values).all()


def _of_campaigns(account_id: str | None, wanted: MessageFilter) -> dict[str, object]:
    """The conditions that only a message's campaign decides."""
    return {
        "campaign.account_id = :account": account_id,
        "campaign.id = :campaign": wanted.campaign_id,
        "campaign.created_at >= :since": wanted.since,
        "campaign.created_at < :until": wanted.until,
    }


def _campaigns(
    connection: Connection,
    account_id: str | None,
    wanted: MessageFilter,
    limit: int,
    after: Place | None,
) -> Sequence[Row[Any]]:
    """The campaigns that may have wanted messages, from that of the last one seen on."""
    conditions = {
        **_of_campaigns(account_id, wanted),
        _FROM_CAMPAIGN: after,
        _HAS_STATUS: wanted.status,
        _HAS_SENDER: wanted.sender,
    }
    query = text(f"""
        SELECT campaign.id, campaign.created_at FROM campaign WHERE {_applied(conditions)}
        ORDER BY campaign.created_at DESC, campaign.id DESC LIMIT :limit
    """)
    return connection.execute(query, _values(account_id, wanted, limit, after)).all()


def _found(
    connection: Connection,
    account_id: str | None,
    wanted: MessageFilter,
    limit: int,
    after: Place | None,
) -> Sequence[Row[Any]]:
    """The messages of a page to a number or with a reference."""
    conditions = {
        **_of_campaigns(account_id, wanted),
        _AFTER: after,
        "message.recipient = :to": wanted.to,
        "message.reference = :reference": wanted.reference,
        "message.status = :status": wanted.status,
        "message.sender = :sender": wanted.sender,
    }
    query = text(f"""
        SELECT message.*, campaign.created_at AS asked_at
        FROM campaign JOIN message ON message.campaign_id = campaign.id
        WHERE {_applied(conditions)}
        ORDER BY campaign.created_at DESC, campaign.id DESC, message.position
        LIMIT :limit
    """)
    return connection.execute(query, _values(account_id, wanted, limit, after)).all()


def _applied(conditions: Mapping[str, object]) -> str:
    """The conditions that have a value; one that matches everything if none has."""
    return " AND ".join(name for name, value in conditions.items() if value is not None) or "1 = 1"


def _values(
    account_id: str | None, wanted: MessageFilter, limit: int, after: Place | None
) -> dict[str, object]:
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
    return values
