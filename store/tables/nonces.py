"""Nonces of signed requests, kept until the signature would have expired."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class Nonce(SQLModel, table=True):
    """A nonce that a key has used; it can be used again from ``free_at`` on."""

    __tablename__ = "nonce"

    key_id: str = Field(primary_key=True, foreign_key="api_key.id")
    nonce: str = Field(primary_key=True)
    free_at: int = Field(sa_type=BigInteger, index=True)
