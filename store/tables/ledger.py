"""The ledger: balances, holds, and entries that never change."""

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel


class Credit(SQLModel, table=True):
    """The balance of one account in one kind of credit (whole credits).

    The constraints refuse an overdraft and a balance that does not add up.
    """

    __tablename__ = "credit"
    __table_args__ = (
        CheckConstraint("available >= 0", name="credit_available_not_negative"),
        CheckConstraint("held >= 0", name="credit_held_not_negative"),
        CheckConstraint("posted >= 0", name="credit_posted_not_negative"),
        CheckConstraint("granted = available + held + posted", name="credit_adds_up"),
    )

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    kind: str = Field(primary_key=True)
    granted: int = Field(default=0, sa_type=BigInteger)
    available: int = Field(default=0, sa_type=BigInteger)
    held: int = Field(default=0, sa_type=BigInteger)
    posted: int = Field(default=0, sa_type=BigInteger)


class HoldRow(SQLModel, table=True):
    """The credits of one kind held for a campaign, and how many were posted and voided since."""

    __tablename__ = "hold"
    __table_args__ = (
        CheckConstraint("posted >= 0", name="hold_posted_not_negative"),
        CheckConstraint("voided >= 0", name="hold_voided_not_negative"),
        CheckConstraint("posted + voided <= amount", name="hold_not_exceeded"),
    )

    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    kind: str = Field(primary_key=True)
    account_id: str
    amount: int = Field(sa_type=BigInteger)
    posted: int = Field(default=0, sa_type=BigInteger)
    voided: int = Field(default=0, sa_type=BigInteger)


class Entry(SQLModel, table=True):
    """One immutable entry: a grant, hold, post or void.

    ``id`` is derived from what is recorded, so that nothing can be recorded twice.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (Index("ledger_entry_by_campaign", "campaign_id"),)

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", index=True)
    campaign_id: str | None = None
    kind: str
    movement: str
    amount: int = Field(sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)
