"""The history of one message: its attempts, and which message holds its key."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select, text, union_all
from sqlmodel import col

from campaign.views import AttemptView, MessageStory, MessageView
from store.database.engine import Database
from store.shared.views import message_view
from store.tables import AttemptRow, MessageRow

_KEY_HOLDER = text("""
    SELECT k.message_id, k.free_at
    FROM recipient_key k JOIN campaign c ON c.account_id = k.account_id
    WHERE c.id = :campaign AND k.key = :key
""")
_MESSAGE = text("""
    SELECT message.* FROM message JOIN campaign ON campaign.id = message.campaign_id
    WHERE message.id = :message AND campaign.account_id = :account
""")


class Attempts:
    """Reads what happened to messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stories(self, campaign_id: str, number_or_id: str) -> Sequence[MessageStory]:
        """Return the histories of the messages to a number, or of the message with that id."""
        query = (
            select(MessageRow)
            .where(
                # Each half has an index; COALESCE keeps SQLite from reading the whole campaign.
                func.coalesce(col(MessageRow.campaign_id), "") == campaign_id,
                col(MessageRow.id).in_(
                    union_all(
                        select(col(MessageRow.id)).where(col(MessageRow.id) == number_or_id),
                        select(col(MessageRow.id)).where(col(MessageRow.recipient) == number_or_id),
                    )
                ),
            )
            .order_by(col(MessageRow.position))
        )

        def work(connection: Connection) -> Sequence[MessageStory]:
            rows = connection.execute(query).all()
            return [_story(connection, campaign_id, message_view(row), row.key) for row in rows]

        return self._database.read_snapshot(work)

    def story(self, message_id: str, account_id: str) -> MessageStory | None:
        """Return the history of one message; None if there is none or it is another account's."""
        values = {"message": message_id, "account": account_id}

        def work(connection: Connection) -> MessageStory | None:
            row = connection.execute(_MESSAGE, values).first()
            if row is None:
                return None
            return _story(connection, row.campaign_id, message_view(row), row.key)

        return self._database.read_snapshot(work)


def _story(
    connection: Connection, campaign_id: str, message: MessageView, key: str | None
) -> MessageStory:
    query = (
        select(
            col(AttemptRow.number),
            col(AttemptRow.started_at),
            col(AttemptRow.ended_at),
            col(AttemptRow.outcome),
            col(AttemptRow.code),
            col(AttemptRow.carrier),
            func.coalesce(col(AttemptRow.text), message.text),
        )
        .where(
            col(AttemptRow.campaign_id) == campaign_id,
            col(AttemptRow.position) == message.position,
        )
        .order_by(col(AttemptRow.number))
    )
    attempts = [AttemptView(*row) for row in connection.execute(query)]
    values = {"campaign": campaign_id, "key": key}
    holder = None if key is None else connection.execute(_KEY_HOLDER, values).first()
    if holder is None:
        return MessageStory(campaign_id, message, attempts)
    return MessageStory(campaign_id, message, attempts, holder.message_id, holder.free_at)
