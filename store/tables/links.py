"""Short links, one per recipient, and the log of visits."""

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, false
from sqlmodel import Field, SQLModel


class LinkRow(SQLModel, table=True):
    """A short link in one message.

    ``clicks`` and ``previews`` are how many visits of each kind its click log has.
    """

    __tablename__ = "link"
    __table_args__ = (
        CheckConstraint("clicks >= 0", name="link_clicks_not_negative"),
        Index("link_by_message", "message_id"),
    )

    code: str = Field(primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    message_id: str
    url: str = Field(sa_type=Text)
    clicks: int = 0
    created_at: int = Field(sa_type=BigInteger)
    previews: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class ClickRow(SQLModel, table=True):
    """One visit through a short link; no data about the visitor is stored.

    A ``preview`` is a visit by a program that looks at links, and counts as no click.
    """

    __tablename__ = "link_click"
    __table_args__ = (
        Index("link_click_by_campaign", "campaign_id", "at", "id"),
        Index("link_click_by_code", "code"),
    )

    id: str = Field(primary_key=True)
    code: str = Field(foreign_key="link.code")
    campaign_id: str = Field(foreign_key="campaign.id")
    message_id: str
    at: int = Field(sa_type=BigInteger)
    preview: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
