"""What is left of people who were erased."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class ErasedNumber(SQLModel, table=True):
    """A number that was erased, as a keyed hash: it stays opted out of the account's messages."""

    __tablename__ = "erased_number"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    hash: str = Field(primary_key=True)
    erased_at: int = Field(sa_type=BigInteger)
