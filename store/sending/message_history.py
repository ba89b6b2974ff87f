"""The story of one message: its attempts, and who has its key."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.instants import Instant
from store.database.engine import Database
from store.shared.views import MessageView, message_view

_TO = text(
    "SELECT * FROM message WHERE campaign_id = :campaign AND (recipient = :wanted OR id = :wanted) "
    "ORDER BY position"
)
_ATTEMPTS = text(
    "SELECT number, started_at, ended_at, outcome, code, carrier FROM attempt "
    "WHERE campaign_id = :campaign AND position = :position ORDER BY number"
)
_KEY = text(
    "SELECT k.message_id, k.free_at FROM recipient_key k JOIN campaign c ON c.id = :campaign "
    "WHERE k.account_id = c.account_id AND k.key = :key"
)


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One try at one message; ``ended_at`` is None while it runs, or when its worker died."""

    number: int
    started_at: Instant
    ended_at: Instant | None
    outcome: str | None
    code: str | None
    carrier: str | None = None


@dataclass(frozen=True, slots=True)
class MessageStory:
    """Everything that is known of one message.

    ``key_holder`` is the id of the message that has its idempotency key now, if any has;
    ``key_free_at`` is when the key is free again, None while the holder is not sent.
    """

    message: MessageView
    attempts: Sequence[AttemptView]
    key_holder: str | None = None
    key_free_at: Instant | None = None


class Attempts:
    """Looks up what happened to messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stories(self, campaign_id: str, number_or_id: str) -> Sequence[MessageStory]:
        """The stories of a campaign's messages to a number, or of the message with that id."""

        def work(connection: Connection) -> Sequence[MessageStory]:
            values = {"campaign": campaign_id, "wanted": number_or_id}
            rows = connection.execute(_TO, values).all()
            return [self._story(connection, campaign_id, message_view(row)) for row in rows]

        return self._database.read_snapshot(work)

    @staticmethod
    def _story(connection: Connection, campaign_id: str, message: MessageView) -> MessageStory:
        values = {"campaign": campaign_id, "position": message.position, "key": message.key}
        attempts = [AttemptView(**row._mapping) for row in connection.execute(_ATTEMPTS, values)]
        holder = None if message.key is None else connection.execute(_KEY, values).first()
        if holder is None:
            return MessageStory(message, attempts)
        return MessageStory(message, attempts, holder.message_id, holder.free_at)
