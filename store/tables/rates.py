"""Sending rates, and the carriers that are down."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class RateRow(SQLModel, table=True):
    """The rate of one scope (``campaign.rates``) and when it may send its next segment.

    ``rate`` is in segments per second. ``next_at`` is in microseconds since 1970, unlike other
    instants, because the error of rounding to milliseconds would add up at high rates.
    """

    __tablename__ = "rate"

    scope: str = Field(primary_key=True)
    rate: float
    next_at: int = Field(default=0, sa_type=BigInteger)


class CarrierState(SQLModel, table=True):
    """Whether a carrier is down for all workers; a carrier that is up may have no row.

    While it is down, one message may try it from ``probe_at`` on.
    """

    __tablename__ = "carrier_state"

    name: str = Field(primary_key=True)
    down_since: int | None = Field(default=None, sa_type=BigInteger)
    probe_at: int = Field(default=0, sa_type=BigInteger)
    reason: str | None = None
