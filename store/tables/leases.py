"""Numbers that accounts share: the pool, its leases, and where replies to them go."""

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


class PoolNumber(SQLModel, table=True):
    """A number that no account owns; it can be leased once for each recipient."""

    __tablename__ = "pool_number"

    number: str = Field(primary_key=True)
    country: str | None = None
    created_at: int = Field(sa_type=BigInteger)


class LeaseRow(SQLModel, table=True):
    """A pool number through which one account sends to one recipient until ``expires_at``.

    By the primary key a recipient's reply to a number belongs to one account. ``slot`` limits an
    account to five leases for one recipient. ``purpose``, a digest of the reply options, prevents
    a second lease where one is enough.
    """

    __tablename__ = "lease"
    __table_args__ = (
        UniqueConstraint("account_id", "recipient", "slot", name="lease_slot"),
        UniqueConstraint("account_id", "recipient", "purpose", name="lease_wish"),
        CheckConstraint("slot BETWEEN 1 AND 5", name="lease_slot_of_five"),
        Index("lease_by_recipient", "recipient"),
    )

    number: str = Field(primary_key=True, foreign_key="pool_number.number")
    recipient: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    purpose: str
    slot: int
    leased_at: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)


class ReplyOption(SQLModel, table=True):
    """Where replies to one message go.

    If ``leased``, a reply to the message's sender is a reply to this message. ``receipts`` allows
    events about its delivery.
    """

    __tablename__ = "reply_option"
    __table_args__ = (Index("reply_option_by_lease", "number", "recipient"),)

    message_id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    number: str
    recipient: str
    leased: bool
    receipts: bool
    to_number: str | None = None
    from_sender: str | None = None
    to_email: str | None = None
    from_email: str | None = None
    webhook_uri: str | None = Field(default=None, sa_type=Text)
    webhook_method: str | None = None


class ReplyChannelRow(SQLModel, table=True):
    """The channel on which a delivery forwards an inbound message to a leased number."""

    __tablename__ = "reply_channel"

    callback_id: str = Field(primary_key=True)
    inbound_id: str = Field(foreign_key="inbound_message.id")
    channel: str
