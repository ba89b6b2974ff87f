"""The stops that are in force."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class BrakeRow(SQLModel, table=True):
    """While this row exists nothing of its scope is claimed: ``all``, or the id of an account.

    A stop ``by_operator`` can only be ended by the operator.
    """

    __tablename__ = "brake"

    scope: str = Field(primary_key=True)
    since: int = Field(sa_type=BigInteger)
    by_operator: bool
