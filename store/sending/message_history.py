"""The history of one message: its attempts, and which message holds its key."""

from collections.abc import Sequence

from sqlalchemy import Connection, or_, select, text
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


class Attempts:
    """Reads what happened to messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stories(self, campaign_id: str, number_or_id: str) -> Sequence[MessageStory]:
        """Return the histories of the messages to a number, or of the message with that id."""
        query = (
            select(MessageRow)
            .where(
                col(MessageRow.campaign_id) == campaign_id,
                or_(col(MessageRow.recipient) == number_or_id, col(MessageRow.id) == number_or_id),
            )
            .order_by(col(MessageRow.position))
        )

        def work(connection: Connection) -> Sequence[MessageStory]:
            rows = connection.execute(query).all()
            return [_story(connection, campaign_id, message_view(row), row.key) for row in rows]

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
        return MessageStory(message, attempts)
    return MessageStory(message, attempts, holder.message_id, holder.free_at)
