"""What is left of messages that were removed because they are kept for a limited time only."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class RemovedMessage(SQLModel, table=True):
    """The sum of a campaign's removed messages with one status, reason and country.

    ``reason`` and ``country`` are empty where the messages have none. ``segments_sent`` and both
    instants are those of messages that left; the credits are the price of all of them.
    """

    __tablename__ = "removed_message"

    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    status: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    country: str = Field(primary_key=True)
    messages: int
    attempts: int
    segments: int
    segments_sent: int
    credits_sms: int = Field(sa_type=BigInteger)
    credits_mms: int = Field(sa_type=BigInteger)
    first_sent_at: int | None = Field(default=None, sa_type=BigInteger)
    last_sent_at: int | None = Field(default=None, sa_type=BigInteger)


class RemovedAttempt(SQLModel, table=True):
    """How many attempts at removed messages had a carrier, outcome and code, empty for none."""

    __tablename__ = "removed_attempt"

    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    carrier: str = Field(primary_key=True)
    outcome: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    attempts: int


class RemovedClick(SQLModel, table=True):
    """The visits to links of a campaign's removed messages, and from how many messages."""

    __tablename__ = "removed_click"

    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    total: int
    people: int
    previews: int
