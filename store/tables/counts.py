"""Counts of messages, which triggers of the database keep."""

from sqlmodel import Field, SQLModel


class MessageCount(SQLModel, table=True):
    """How many messages of a campaign have a status and a reason; the sum of its slots counts.

    Triggers on ``message`` write it (migrations 0026 and 0029), in the transaction that changes
    the message. Messages that are removed from a campaign with ``messages_removed_at`` still count.
    ``reason`` is the message's reason, else its error, else empty. Not counted are messages that
    are ``queued`` or ``sending`` without one, because most changes are from the one to the other.
    In PostgreSQL each connection has a slot, so that transactions do not wait for each other's
    counts; SQLite has one. A single slot may be below 0. There is no foreign key, because its check
    would wait for a transaction that locks the campaign.
    """

    __tablename__ = "message_count"

    campaign_id: str = Field(primary_key=True)
    slot: int = Field(primary_key=True)
    status: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    messages: int
