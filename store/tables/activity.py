"""The record of who did what."""

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel


class ActivityRow(SQLModel, table=True):
    """One action; ``before`` and ``after`` are JSON without numbers, texts and secrets.

    ``account_id`` is null for what concerns every account. ``subject`` is the id of what was
    changed, for a person a keyed hash. ``address`` is the client's. No foreign key: a record must
    not keep what it records from happening.
    """

    __tablename__ = "activity"
    __table_args__ = (
        Index("activity_by_account", "account_id", "at", "id"),
        Index("activity_by_instant", "at", "id"),
    )

    id: str = Field(primary_key=True)
    account_id: str | None = None
    at: int = Field(sa_type=BigInteger)
    actor: str
    key_id: str | None = None
    action: str
    subject: str | None = None
    before: str | None = Field(default=None, sa_type=Text)
    after: str | None = Field(default=None, sa_type=Text)
    request_id: str | None = None
    address: str | None = None
