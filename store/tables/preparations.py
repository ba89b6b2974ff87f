"""Large campaigns whose messages are not all written yet."""

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel


class PreparationRow(SQLModel, table=True):
    """How far a campaign is prepared; the row is deleted with its verdict.

    ``draft`` is JSON (campaign/preparation.py). The next page begins at ``entry`` of its
    recipients, after ``after_number`` of a mailing list. Messages before position ``validated``
    were held to the rules; ``to_send`` of them will be sent, for so many credits.
    """

    __tablename__ = "preparation"

    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    draft: str = Field(sa_type=Text)
    entry: int = 0
    after_number: str | None = None
    validated: int = 0
    to_send: int = 0
    credits_sms: int = Field(default=0, sa_type=BigInteger)
    credits_mms: int = Field(default=0, sa_type=BigInteger)
