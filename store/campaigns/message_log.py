"""The messages of an account over all its campaigns, by when they were asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.instants import Instant
from store.database.engine import Database
from store.shared.views import MessageView, message_view

# Drafts and refused campaigns never were messages to anybody.
_OF_ACCOUNT = (
    "SELECT m.*, c.created_at AS asked_at FROM campaign c JOIN message m ON m.campaign_id = c.id "
    "WHERE c.account_id = :account AND c.status NOT IN ('draft', 'refused') "
)
_PAGE = text(
    _OF_ACCOUNT + "AND c.created_at >= :since AND c.created_at < :until "
    "ORDER BY c.created_at, c.id, m.position LIMIT :limit OFFSET :offset"
)
_ONE = text(_OF_ACCOUNT + "AND m.id = :message")


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """A message, the campaign that it belongs to, and when that was asked for."""

    message: MessageView
    campaign_id: str
    asked_at: Instant


class MessageLog:
    """Looks up messages across campaigns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, account_id: str, since: Instant, until: Instant, limit: int, offset: int
    ) -> Sequence[LoggedMessage]:
        """Messages asked for from ``since`` on and before ``until``, oldest first."""
        values = {
            "account": account_id,
            "since": since,
            "until": until,
            "limit": limit,
            "offset": offset,
        }

        def work(connection: Connection) -> Sequence[LoggedMessage]:
            return [_logged(row) for row in connection.execute(_PAGE, values)]

        return self._database.read(work)

    def get(self, account_id: str, message_id: str) -> LoggedMessage | None:
        """One message; None when it is not there or another account's."""
        values = {"account": account_id, "message": message_id}

        def work(connection: Connection) -> LoggedMessage | None:
            row = connection.execute(_ONE, values).first()
            return None if row is None else _logged(row)

        return self._database.read(work)


def _logged(row: Row[Any]) -> LoggedMessage:
    return LoggedMessage(message_view(row), row.campaign_id, row.asked_at)
