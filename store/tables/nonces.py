"""Nonces of signed requests, kept until the signature would have expired."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class Nonce(SQLModel, table=True):
    """A nonce that a key has used; it can be used again from ``free_at`` on.

    ``signature`` is that of the request that used it, until that is answered.
    """

    __tablename__ = "nonce"

    key_id: str = Field(primary_key=True, foreign_key="api_key.id")
    nonce: str = Field(primary_key=True)
    free_at: int = Field(sa_type=BigInteger, index=True)
    signature: str | None = None
