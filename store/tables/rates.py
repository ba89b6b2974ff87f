"""How fast things may leave, and through whom nothing can leave just now."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class RateRow(SQLModel, table=True):
    """The speed of one scope (``campaign.rates``) and when its next segment may leave.

    ``rate`` is in segments per second. ``next_at`` is in microseconds since 1970, finer than the
    instants elsewhere, because rounding a thousand segments a second would add up.
    """

    __tablename__ = "rate"

    scope: str = Field(primary_key=True)
    rate: float
    next_at: int = Field(default=0, sa_type=BigInteger)


class CarrierState(SQLModel, table=True):
    """Whether a carrier is down, as all workers together see it; one that is up may have no row.

    While it is down, ``probe_at`` is the earliest instant at which one message may try it.
    """

    __tablename__ = "carrier_state"

    name: str = Field(primary_key=True)
    down_since: int | None = Field(default=None, sa_type=BigInteger)
    probe_at: int = Field(default=0, sa_type=BigInteger)
    reason: str | None = None
