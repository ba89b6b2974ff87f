"""Idempotency keys in use; a free key has no row."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class CampaignKey(SQLModel, table=True):
    """A campaign's key: claimed while ``free_at`` is null, otherwise spent until then."""

    __tablename__ = "campaign_key"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    key: str = Field(primary_key=True)
    campaign_id: str
    free_at: int | None = Field(default=None, sa_type=BigInteger)


class RecipientKey(SQLModel, table=True):
    """A message's key: claimed while ``free_at`` is null, otherwise spent until then."""

    __tablename__ = "recipient_key"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    key: str = Field(primary_key=True)
    campaign_id: str
    position: int
    message_id: str
    free_at: int | None = Field(default=None, sa_type=BigInteger)
