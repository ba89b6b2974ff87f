"""Short links, one per recipient, and the log of visits."""

from sqlalchemy import BigInteger, CheckConstraint, Index, Text
from sqlmodel import Field, SQLModel


class LinkRow(SQLModel, table=True):
    """A short link in one message; ``clicks`` is the number of its entries in the click log."""

    __tablename__ = "link"
    __table_args__ = (CheckConstraint("clicks >= 0", name="link_clicks_not_negative"),)

    code: str = Field(primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    message_id: str
    url: str = Field(sa_type=Text)
    clicks: int = 0
    created_at: int = Field(sa_type=BigInteger)


class ClickRow(SQLModel, table=True):
    """One visit through a short link; no data about the visitor is stored."""

    __tablename__ = "link_click"
    __table_args__ = (Index("link_click_by_campaign", "campaign_id", "at", "id"),)

    id: str = Field(primary_key=True)
    code: str = Field(foreign_key="link.code")
    campaign_id: str = Field(foreign_key="campaign.id")
    message_id: str
    at: int = Field(sa_type=BigInteger)
