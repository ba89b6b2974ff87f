"""Short links in the database: written with their campaign, followed, and counted."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, text

from campaign.ids import ID_BYTES, make_id
from campaign.instants import Instant
from campaign.model import ComposedCampaign
from store.database.engine import Database
from store.tables import LinkRow

CLICK_PREFIX = "clk_"
# Whoever follows one link over and over fills no disk.
CLICKS_MAX = 1_000

_FIND = text("SELECT code, campaign_id, message_id, url FROM link WHERE code = :code")
_COUNT = text("UPDATE link SET clicks = clicks + 1 WHERE code = :code AND clicks < :most")
_CLICK = text(
    "INSERT INTO link_click (id, code, campaign_id, message_id, at) "
    "SELECT :id, code, campaign_id, message_id, CAST(:at AS BIGINT) FROM link WHERE code = :code"
)
_PAGE = (
    "SELECT k.id, k.code, k.message_id, k.at, l.url FROM link_click k "
    "JOIN link l ON l.code = k.code WHERE k.campaign_id = :campaign {after}"
    "ORDER BY k.at, k.id LIMIT :limit"
)
_FIRST_PAGE = text(_PAGE.format(after=""))
_NEXT_PAGE = text(
    _PAGE.format(
        after="AND (k.at, k.id) > (SELECT at, id FROM link_click "
        "WHERE id = :after AND campaign_id = :campaign) "
    )
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
    if not composed.links:
        return
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
    connection.execute(insert(LinkRow), values)


class Links:
    """Short links and their click log; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, code: str) -> LinkView | None:
        """The link with a code; None when there is none. One look at one index, either way."""

        def work(connection: Connection) -> LinkView | None:
            row = connection.execute(_FIND, {"code": code}).first()
            return None if row is None else LinkView(*row)

        return self._database.read(work)

    def click(self, code: str, now: Instant) -> bool:
        """Log one visit; False when the link is unknown or its part of the log is full."""
        values = {
            "id": make_id(CLICK_PREFIX, secrets.token_bytes(ID_BYTES)),
            "code": code,
            "at": now,
            "most": CLICKS_MAX,
        }

        def work(connection: Connection) -> bool:
            if connection.execute(_COUNT, values).rowcount == 0:
                return False
            return connection.execute(_CLICK, values).rowcount > 0

        return self._database.write(work)

    def clicks(
        self, campaign_id: str, limit: int = 100, after: str | None = None
    ) -> Sequence[ClickView]:
        """The click log of a campaign, oldest first; ``after`` is the last id seen."""
        query = _FIRST_PAGE if after is None else _NEXT_PAGE
        values = {"campaign": campaign_id, "limit": limit, "after": after}
        return self._database.read(
            lambda connection: [ClickView(*row) for row in connection.execute(query, values)]
        )
