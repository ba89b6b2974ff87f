"""Numbers that accounts share: the pool, its leases, and what is to become of answers."""

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


class PoolNumber(SQLModel, table=True):
    """A number that no account owns, leased towards one recipient at a time."""

    __tablename__ = "pool_number"

    number: str = Field(primary_key=True)
    country: str | None = None
    created_at: int = Field(sa_type=BigInteger)


class LeaseRow(SQLModel, table=True):
    """A pool number that stands for one account towards one recipient until ``expires_at``.

    The primary key keeps two accounts from one recipient's answers, ``slot`` an account from more
    than five leases to one recipient, and ``purpose`` (a digest of what answers are wanted for)
    from two leases where one will do.
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
    """What the sender of one message wants besides its sending.

    With ``leased`` an answer to the message's sender is an answer to this message. ``receipts``
    says whether its delivery may be told.
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


class ReplyRow(SQLModel, table=True):
    """A text that somebody wrote back to a leased number, and the message that it answers.

    ``id`` is made from what the carrier brought, so that a call that is repeated is one reply.
    """

    __tablename__ = "reply"

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    message_id: str
    writer: str
    number: str
    body: str = Field(sa_type=Text)
    received_at: int = Field(sa_type=BigInteger)


class ReplyChannelRow(SQLModel, table=True):
    """One way that a reply goes on: the callback that brings it there, and how."""

    __tablename__ = "reply_channel"

    callback_id: str = Field(primary_key=True)
    reply_id: str = Field(foreign_key="reply.id")
    channel: str
