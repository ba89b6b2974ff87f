"""Short links in the database: written with their campaign, followed, and counted."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam
from sqlmodel import Session, col, insert, select, tuple_, update

from campaign.ids import ID_BYTES, make_id
from campaign.instants import Instant
from campaign.model import ComposedCampaign
from store.database.engine import Database
from store.tables import ClickRow, LinkRow

CLICK_PREFIX = "clk_"
# A link that is opened over and over does not fill the disk.
CLICKS_MAX = 1_000

_FIND = select(LinkRow.code, LinkRow.campaign_id, LinkRow.message_id, LinkRow.url).where(
    LinkRow.code == bindparam("code")
)


@dataclass(frozen=True, slots=True)
class LinkView:
    """Where a short link leads, and which message it is in."""

    code: str
    campaign_id: str
    message_id: str
    url: str


@dataclass(frozen=True, slots=True)
class ClickView:
    """One visit through a short link."""

    id: str
    code: str
    message_id: str
    at: Instant
    url: str


def write(connection: Connection, composed: ComposedCampaign, campaign_id: str) -> None:
    """Store the links of a new campaign, inside the caller's transaction."""
    values = [
        {
            "code": link.code,
            "campaign_id": campaign_id,
            "message_id": link.message_id,
            "url": link.url,
            "clicks": 0,
            "created_at": composed.received_at,
        }
        for link in composed.links
    ]
    if values:
        connection.execute(insert(LinkRow), values)


class Links:
    """Short links and their click log; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, code: str) -> LinkView | None:
        """The link with a code; None if there is none. Costs one index look-up in both cases."""
        row = self._database.read(
            lambda connection: connection.execute(_FIND, {"code": code}).first()
        )
        return None if row is None else LinkView(*row)

    def click(self, code: str, now: Instant) -> bool:
        """Log one visit; returns False if the link is unknown or has ``CLICKS_MAX`` entries."""
        count = (
            update(LinkRow)
            .where(col(LinkRow.code) == code, col(LinkRow.clicks) < CLICKS_MAX)
            .values(clicks=LinkRow.clicks + 1)
            .returning(col(LinkRow.campaign_id), col(LinkRow.message_id))
        )
        click_id = make_id(CLICK_PREFIX, secrets.token_bytes(ID_BYTES))

        def work(connection: Connection) -> bool:
            row = connection.execute(count).first()
            if row is None:
                return False
            campaign_id, message_id = row
            click = ClickRow(
                id=click_id, code=code, campaign_id=campaign_id, message_id=message_id, at=now
            )
            connection.execute(insert(ClickRow), click.model_dump())
            return True

        return self._database.write(work)

    def clicks(
        self, campaign_id: str, limit: int = 100, after: str | None = None
    ) -> Sequence[ClickView]:
        """A page of a campaign's click log, oldest first; ``after`` is the last id seen.

        Empty if ``after`` is not a click of this campaign.
        """
        order = tuple_(ClickRow.at, ClickRow.id)
        query = (
            select(ClickRow, LinkRow.url)
            .join(LinkRow, col(LinkRow.code) == ClickRow.code)
            .where(ClickRow.campaign_id == campaign_id)
            .order_by(col(ClickRow.at), ClickRow.id)
            .limit(limit)
        )
        if after is not None:
            last = select(ClickRow.at, ClickRow.id).where(
                ClickRow.id == after, ClickRow.campaign_id == campaign_id
            )
            query = query.where(order > last.correlate(None).scalar_subquery())
        return self._database.read(
            lambda connection: [
                ClickView(click.id, click.code, click.message_id, click.at, url)
                for click, url in Session(connection).exec(query)
            ]
        )
