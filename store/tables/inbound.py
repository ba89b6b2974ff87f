"""Inbound texts."""

from sqlalchemy import BigInteger, Index, Text, false, text
from sqlmodel import Field, SQLModel

# Few are unread, so the index is small.
_UNREAD = text("unread")


class InboundRow(SQLModel, table=True):
    """A text that somebody sent to a number, as one account sees it.

    ``id`` is derived from the carrier's id of the text, so that a repeated callback is one row.
    ``media_urls`` is a JSON list, null without media. ``message_id`` and ``campaign_id`` name the
    message that it answers, if any. ``needs_review`` leaves to a person what the text asks for. An
    ``unread`` one was opened by nobody in the console.
    """

    __tablename__ = "inbound_message"
    __table_args__ = (
        Index("inbound_by_account", "account_id", "received_at", "id"),
        Index("inbound_by_writer", "account_id", "writer"),
        Index("inbound_by_campaign", "campaign_id"),
        Index(
            "inbound_unread",
            "account_id",
            "received_at",
            "id",
            sqlite_where=_UNREAD,
            postgresql_where=_UNREAD,
        ),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    carrier: str | None = None
    writer: str
    number: str
    body: str = Field(sa_type=Text)
    media_urls: str | None = Field(default=None, sa_type=Text)
    received_at: int = Field(sa_type=BigInteger)
    campaign_id: str | None = None
    message_id: str | None = None
    needs_review: bool = Field(default=False)
    unread: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
