"""The messages of an account across its campaigns, in the order of the requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, String, bindparam, text

from campaign.instants import Instant
from campaign.views import MessageView
from store.campaigns.message_search import MessageFilter, Place, message_rows
from store.database.engine import Database
from store.shared.views import message_view

_PAGE = text("""
    SELECT message.*, campaign.created_at AS asked_at
    FROM campaign JOIN message ON message.campaign_id = campaign.id
    WHERE campaign.account_id = :account_id
      AND campaign.status NOT IN ('draft', 'preparing', 'refused')
      AND campaign.created_at >= :since AND campaign.created_at < :until
    ORDER BY campaign.created_at, campaign.id, message.position
    LIMIT :limit OFFSET :offset
""")
_OF_SENDERS = "(:any_sender OR message.sender IN :senders)"
_HISTORY = text(f"""
    SELECT message.*, campaign.created_at AS asked_at
    FROM campaign JOIN message ON message.campaign_id = campaign.id
    WHERE campaign.account_id = :account_id
      AND campaign.status NOT IN ('draft', 'preparing', 'refused')
      AND campaign.created_at >= :since AND campaign.created_at < :until AND {_OF_SENDERS}
    ORDER BY campaign.created_at, campaign.id, message.position
    LIMIT :limit OFFSET :offset
""").bindparams(bindparam("senders", expanding=True, type_=String))
_COUNTS = text(f"""
    SELECT count(*) AS scanned, count(CASE WHEN {_OF_SENDERS} THEN 1 END) AS matches
    FROM campaign JOIN message ON message.campaign_id = campaign.id
    WHERE campaign.account_id = :account_id
      AND campaign.status NOT IN ('draft', 'preparing', 'refused')
      AND campaign.created_at >= :since AND campaign.created_at < :until
""").bindparams(bindparam("senders", expanding=True, type_=String))
_GET = text("""
    SELECT message.*, campaign.created_at AS asked_at
    FROM campaign JOIN message ON message.campaign_id = campaign.id
    WHERE campaign.account_id = :account_id
      AND campaign.status NOT IN ('draft', 'preparing', 'refused')
      AND message.id = :message_id
""")


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """A message, its campaign, and when the campaign was requested."""

    message: MessageView
    campaign_id: str
    asked_at: Instant

    @property
    def place(self) -> Place:
        """Where the next page begins, if this is the last message of one."""
        return Place(self.asked_at, self.campaign_id, self.message.position)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Messages of one page; of ``scanned`` messages in the time, ``matches`` have the sender."""

    messages: Sequence[LoggedMessage]
    scanned: int
    matches: int


class MessageLog:
    """Looks up messages across campaigns; pages and history leave out drafts and refused ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, account_id: str, since: Instant, until: Instant, limit: int, offset: int
    ) -> Sequence[LoggedMessage]:
        """Messages requested from ``since`` to before ``until``, oldest first."""
        values = {
            "account_id": account_id,
            "since": since,
            "until": until,
            "limit": limit,
            "offset": offset,
        }

        def work(connection: Connection) -> Sequence[LoggedMessage]:
            return [_logged(row) for row in connection.execute(_PAGE, values)]

        return self._database.read(work)

    def history(
        self,
        account_id: str,
        since: Instant,
        until: Instant,
        senders: Sequence[str],
        limit: int,
        offset: int,
    ) -> HistoryPage:
        """Messages requested from ``since`` to before ``until``, oldest first, with their counts.

        Only those from one of ``senders``; all if there are none.
        """
        values = {
            "account_id": account_id,
            "since": since,
            "until": until,
            "any_sender": not senders,
            "senders": list(senders),
            "limit": limit,
            "offset": offset,
        }

        def work(connection: Connection) -> HistoryPage:
            counts = connection.execute(_COUNTS, values).one()
            found = [_logged(row) for row in connection.execute(_HISTORY, values)]
            return HistoryPage(found, counts.scanned, counts.matches)

        return self._database.read_snapshot(work)

    def get(self, account_id: str, message_id: str) -> LoggedMessage | None:
        """One message; None if it does not exist or belongs to another account."""
        values = {"account_id": account_id, "message_id": message_id}

        def work(connection: Connection) -> LoggedMessage | None:
            row = connection.execute(_GET, values).first()
            return None if row is None else _logged(row)

        return self._database.read(work)

    def search(
        self,
        wanted: MessageFilter,
        account_id: str | None,
        limit: int,
        after: Place | None = None,
    ) -> Sequence[LoggedMessage]:
        """Messages of an account or of all, those of the newest campaigns first.

        ``after`` is the place of the last one seen. Those of drafts and refused campaigns too,
        because somebody asks what became of them.
        """
        return self._database.read(
            lambda connection: [
                _logged(row) for row in message_rows(connection, account_id, wanted, limit, after)
            ]
        )


def _logged(row: Row[Any]) -> LoggedMessage:
    return LoggedMessage(message_view(row), row.campaign_id, row.asked_at)
