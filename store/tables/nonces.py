"""Nonces of signed requests, each remembered until nobody could repeat it any more."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class Nonce(SQLModel, table=True):
    """A nonce that a key has used; from ``free_at`` on it counts as never used."""

    __tablename__ = "nonce"

    key_id: str = Field(primary_key=True, foreign_key="api_key.id")
    nonce: str = Field(primary_key=True)
    free_at: int = Field(sa_type=BigInteger, index=True)
