"""Accounts, their API keys and their senders."""

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel


class Account(SQLModel, table=True):
    """A customer that sends; ``daily_quota`` is in messages per UTC day, null for no limit.

    The switches ``strict_uniform``, ``strict_keys`` and ``auto_key`` choose between readings of
    the specifications (docs/decisions/). ``receipt_form`` is ``xml``, or ``json`` (null), for
    dialects that know both. ``carriers`` are names in order, separated by commas.
    ``short_link_host`` is the host of its short links, if it has one of its own. ``purpose`` is
    that of campaigns without one; ``marketing_window`` is the JSON of the window of marketing
    campaigns without one.
    """

    __tablename__ = "account"
    __table_args__ = (Index("account_by_short_link_host", "short_link_host", unique=True),)

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    property_sid: str = Field(unique=True)
    created_at: int = Field(sa_type=BigInteger)
    active: bool = True
    daily_quota: int | None = None
    strict_uniform: bool = False
    strict_keys: bool = False
    auto_key: str = "random"
    receipt_form: str | None = None
    carriers: str | None = None
    short_link_host: str | None = None
    purpose: str | None = None
    marketing_window: str | None = None


class ApiKey(SQLModel, table=True):
    """A key pair, looked up by keyed hashes; HMAC dialects need the secret, which is encrypted.

    ``name`` says who or what has the key.
    """

    __tablename__ = "api_key"

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", index=True)
    secret_hash: str
    bearer_hash: str = Field(unique=True)
    secret_sealed: str
    permissions: str = "*"
    created_at: int = Field(sa_type=BigInteger)
    revoked_at: int | None = Field(default=None, sa_type=BigInteger)
    name: str | None = None


class SenderRow(SQLModel, table=True):
    """A number, short code or name that an account sends from, or requested to (``status``).

    A requested one is not active.
    """

    __tablename__ = "sender"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    address: str = Field(primary_key=True)
    kind: str
    active: bool = True
    status: str = "approved"
    created_at: int = Field(sa_type=BigInteger)
    carriers: str | None = None


class SenderOwner(SQLModel, table=True):
    """The one account that an address belongs to, null for the number pool.

    ``name`` is the address in lower case.
    """

    __tablename__ = "sender_owner"

    name: str = Field(primary_key=True)
    account_id: str | None = Field(default=None, foreign_key="account.id")


class QuotaDay(SQLModel, table=True):
    """The number of messages admitted for an account on one UTC day (``2026-11-21``)."""

    __tablename__ = "quota_day"
    __table_args__ = (CheckConstraint("used >= 0", name="quota_day_used_not_negative"),)

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    day: str = Field(primary_key=True)
    used: int = 0
