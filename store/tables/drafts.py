"""Campaigns that somebody is writing in the console, with the people of an uploaded table."""

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel


class DraftCampaign(SQLModel, table=True):
    """A campaign that is being written by the holder of a key.

    ``choices`` and ``header`` are JSON. ``campaign_id`` is set before it is sent for the first
    time, so that it is sent once.
    """

    __tablename__ = "draft_campaign"
    __table_args__ = (Index("draft_campaign_by_key", "key_id", "updated_at"),)

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    key_id: str = Field(foreign_key="api_key.id")
    created_at: int = Field(sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger, index=True)
    name: str = ""
    text: str = Field(default="", sa_type=Text)
    sender: str = ""
    choices: str = Field(default="{}", sa_type=Text)
    header: str | None = Field(default=None, sa_type=Text)
    campaign_id: str | None = None


class DraftRow(SQLModel, table=True):
    """A row of the table of a draft; ``cells`` is JSON, ``number`` what was read as its number."""

    __tablename__ = "draft_row"
    __table_args__ = (Index("draft_row_by_number", "number"),)

    draft_id: str = Field(primary_key=True, foreign_key="draft_campaign.id")
    line: int = Field(primary_key=True)
    number: str | None = None
    cells: str = Field(sa_type=Text)
