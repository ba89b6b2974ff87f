"""Inbound texts."""

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel


class InboundRow(SQLModel, table=True):
    """A text that somebody sent to a number, as one account sees it.

    ``id`` is derived from the carrier's id of the text, so that a repeated callback is one row.
    ``media_urls`` is a JSON list, null without media. ``message_id`` and ``campaign_id`` name the
    message that it answers, if any. ``needs_review`` leaves to a person what the text asks for.
    """

    __tablename__ = "inbound_message"
    __table_args__ = (
        Index("inbound_by_account", "account_id", "received_at", "id"),
        Index("inbound_by_writer", "account_id", "writer"),
        Index("inbound_by_campaign", "campaign_id"),
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
    needs_review: bool = False
