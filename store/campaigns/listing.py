"""Lists of campaigns, newest first, by what they have in common, and whole views of campaigns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.instants import Instant
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from store.campaigns.forecasts import Forecasts
from store.clock import wall_clock
from store.database.engine import Database
from store.shared.reports import campaign_views

# A campaign without a sender of its own has that of its first message.
_SENDER = """
    COALESCE(campaign.sender, (
        SELECT message.sender FROM message
        WHERE message.campaign_id = campaign.id AND message.position = 0
    )) = :sender
"""


@dataclass(frozen=True, slots=True)
class CampaignFilter:
    """What listed campaigns have in common; None matches every campaign.

    ``name`` is a part of the name, in which the case of ASCII letters does not matter. They were
    created at ``since`` or later, and before ``until``. ``is_answer`` are those that answer or
    forward an inbound text.
    """

    status: CampaignStatus | None = None
    name: str | None = None
    dialect: str | None = None
    sender: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    is_answer: bool | None = None


def campaign_rows(
    connection: Connection,
    database: Database,
    account_id: str | None,
    wanted: CampaignFilter,
    limit: int,
    before: str | None,
) -> Sequence[Row[Any]]:
    """The rows of a page, of one account or of all; ``before`` is the id of the last one seen."""
    matches = "LIKE" if database.is_sqlite else 'COLLATE "C" ILIKE'
    conditions = {
        "account_id = :account": account_id,
        "(created_at, id) < (SELECT created_at, id FROM campaign WHERE id = :before)": before,
        "status = :status": wanted.status,
        f"name {matches} :name ESCAPE '!'": wanted.name and _pattern(wanted.name),
        "dialect = :dialect": wanted.dialect,
        _SENDER: wanted.sender,
        "created_at >= :since": wanted.since,
        "created_at < :until": wanted.until,
        "is_answer = :is_answer": wanted.is_answer,
    }
    applied = [condition for condition, value in conditions.items() if value is not None]
    query = text(
        f"SELECT * FROM campaign WHERE {' AND '.join(applied) or '1 = 1'} "
        "ORDER BY created_at DESC, id DESC LIMIT :limit"
    )
    values = {
        "account": account_id,
        "before": before,
        "status": wanted.status,
        "name": _pattern(wanted.name or ""),
        "dialect": wanted.dialect,
        "sender": wanted.sender,
        "since": wanted.since,
        "until": wanted.until,
        "is_answer": wanted.is_answer,
        "limit": limit,
    }
    return connection.execute(query, values).all()


def whole_views(
    connection: Connection, rows: Sequence[Row[Any]], forecasts: Forecasts
) -> Sequence[CampaignView]:
    """Views of campaign rows with their counts and facts."""
    sending = [row for row in rows if row.status in ("scheduled", "running")]
    return campaign_views(connection, rows, forecasts.ends(connection, sending, wall_clock()))


def _pattern(part: str) -> str:
    for special in "!%_":
        part = part.replace(special, f"!{special}")
    return f"%{part}%"
