"""News for accounts: who wants which, and the outbox of what is to be told."""

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel


class WebhookRow(SQLModel, table=True):
    """An account's subscription: which events, to which URL, in the words of which dialect.

    ``events`` are names separated by spaces. The previous secret is valid until
    ``previous_until``; both are sealed, since each call is signed with them.
    """

    __tablename__ = "webhook"

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", index=True)
    url: str = Field(sa_type=Text)
    events: str = Field(sa_type=Text)
    dialect: str
    secret_sealed: str = Field(sa_type=Text)
    previous_sealed: str | None = Field(default=None, sa_type=Text)
    previous_until: int | None = Field(default=None, sa_type=BigInteger)
    created_at: int = Field(sa_type=BigInteger)
    disabled_at: int | None = Field(default=None, sa_type=BigInteger)


class CallbackRow(SQLModel, table=True):
    """One piece of news for one destination, and how far its telling has come.

    No address and no text is copied: the body is rendered when it is told, from the message,
    campaign or inbound text that the row refers to. ``destination`` is a webhook's id, or the
    name of an account's and server's message addresses. ``at`` is when it happened,
    ``since_at`` when the tries began. While a try is under way, ``claimed_by`` names it and
    ``claimed_until`` says when it is given up for dead.
    """

    __tablename__ = "callback"
    __table_args__ = (
        Index("callback_queue", "destination", "status", "due_at"),
        Index("callback_by_status", "status", "created_at"),
    )

    id: str = Field(primary_key=True)
    account_id: str
    destination: str
    dialect: str
    event: str
    at: int = Field(sa_type=BigInteger)
    campaign_id: str | None = None
    message_id: str | None = None
    inbound_id: str | None = None
    status: str
    created_at: int = Field(sa_type=BigInteger)
    since_at: int = Field(sa_type=BigInteger)
    due_at: int = Field(sa_type=BigInteger)
    tries: int = 0
    claimed_by: str | None = None
    claimed_until: int | None = Field(default=None, sa_type=BigInteger)
    last_code: str | None = None
    ended_at: int | None = Field(default=None, sa_type=BigInteger)
