"""Short links in the database: written with their campaign, followed, and counted."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlmodel import insert

from campaign.events import Destination
from campaign.ids import ID_BYTES, make_id
from campaign.instants import Instant
from campaign.model import ComposedCampaign
from campaign.views import ClickView
from store.database.engine import Database
from store.shared.clicks import CLICKS, click_view
from store.shared.outbox import Outbox
from store.tables import ClickRow, LinkRow

CLICK_PREFIX = "clk_"
# A link that is opened over and over does not fill the disk.
CLICKS_MAX = 1_000
PREVIEWS_MAX = 100

# At the own host of one account the links of another are not found.
_FIND = text("""
    SELECT l.code, l.campaign_id, l.message_id, l.url, a.short_link_host AS host
    FROM link l
    JOIN campaign c ON c.id = l.campaign_id
    JOIN account a ON a.id = c.account_id
    WHERE l.code = :code AND NOT EXISTS (
        SELECT 1 FROM account o WHERE o.short_link_host = :host AND o.id <> a.id
    )
""")
_COUNT = """
    UPDATE link SET {counter} = {counter} + 1 WHERE code = :code AND {counter} < :most
    RETURNING campaign_id, message_id
"""
_COUNT_CLICK = text(_COUNT.format(counter="clicks"))
_COUNT_PREVIEW = text(_COUNT.format(counter="previews"))


@dataclass(frozen=True, slots=True)
class LinkView:
    """Where a short link leads, and which message it is in.

    ``host`` is the own short-link host of its account, if there is one.
    """

    code: str
    campaign_id: str
    message_id: str
    url: str
    host: str | None


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

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    def find(self, code: str, host: str | None = None) -> LinkView | None:
        """The link with a code, asked for at a host; None if there is none at that host.

        A host that is one account's own has the links of that account alone.
        """
        values = {"code": code, "host": host}
        row = self._database.read(lambda connection: connection.execute(_FIND, values).first())
        return None if row is None else LinkView(*row)

    def click(self, code: str, now: Instant, preview: bool = False) -> bool:
        """Log one visit and record the event of a click.

        A preview is logged apart from clicks, and is no event. Returns False if the link is unknown
        or has ``CLICKS_MAX`` clicks or ``PREVIEWS_MAX`` previews already.
        """
        count, most = (_COUNT_PREVIEW, PREVIEWS_MAX) if preview else (_COUNT_CLICK, CLICKS_MAX)
        click_id = make_id(CLICK_PREFIX, secrets.token_bytes(ID_BYTES))

        def work(connection: Connection) -> Sequence[Destination] | None:
            row = connection.execute(count, {"code": code, "most": most}).first()
            if row is None:
                return None
            click = ClickRow(
                id=click_id,
                code=code,
                campaign_id=row.campaign_id,
                message_id=row.message_id,
                at=now,
                preview=preview,
            )
            connection.execute(insert(ClickRow), click.model_dump())
            return [] if preview else self._outbox.record_click_event(connection, click)

        destinations = self._database.write(work)
        self._outbox.notify(destinations or [])
        return destinations is not None

    def clicks(
        self,
        campaign_id: str,
        limit: int = 100,
        after: str | None = None,
        previews: bool = False,
    ) -> Sequence[ClickView]:
        """A page of a campaign's click log, oldest first; ``after`` is the last id seen.

        With ``previews`` it has them too. Empty if ``after`` is not a visit of this campaign.
        """
        conditions = ["k.campaign_id = :campaign", "NOT k.preview"]
        if previews:
            del conditions[1]
        if after is not None:
            conditions.append(
                "(k.at, k.id) > (SELECT a.at, a.id FROM link_click a "
                "WHERE a.id = :after AND a.campaign_id = :campaign)"
            )
        query = text(f"{CLICKS} WHERE {' AND '.join(conditions)} ORDER BY k.at, k.id LIMIT :limit")
        values = {"campaign": campaign_id, "after": after, "limit": limit}
        return self._database.read(
            lambda connection: [click_view(row) for row in connection.execute(query, values)]
        )
