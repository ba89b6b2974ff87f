"""Webhooks of accounts, and the outbox of deliveries to them."""

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel


class WebhookRow(SQLModel, table=True):
    """An account's endpoint: the events it subscribes to, its URL and the dialect of the bodies.

    ``events`` are names separated by spaces. The previous secret is valid until
    ``previous_until``. Both are encrypted and not hashed, because calls are signed with them.
    With ``listens_until`` it is a listener: it has no URL, a client fetches its deliveries, and it
    gets none from that instant on.
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
    listens_until: int | None = Field(default=None, sa_type=BigInteger)


class CallbackRow(SQLModel, table=True):
    """The delivery of one event to one destination.

    No URL and no text is copied: each try renders the body from the message, campaign, reply or
    click that the row refers to. ``destination`` is the id of a webhook, or an id made of an
    account and the origin of a message's own callback URL. The event happened ``at``; the tries
    began at ``since_at``. During a try ``claimed_by`` names it, and it counts as lost at
    ``claimed_until``.
    """

    __tablename__ = "callback"
    __table_args__ = (
        Index("callback_queue", "destination", "status", "due_at"),
        Index("callback_by_status", "status", "created_at"),
        Index("callback_by_message", "message_id", "destination", "status"),
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
    click_id: str | None = None
    status: str
    created_at: int = Field(sa_type=BigInteger)
    since_at: int = Field(sa_type=BigInteger)
    due_at: int = Field(sa_type=BigInteger)
    tries: int = 0
    claimed_by: str | None = None
    claimed_until: int | None = Field(default=None, sa_type=BigInteger)
    last_code: str | None = None
    ended_at: int | None = Field(default=None, sa_type=BigInteger)
