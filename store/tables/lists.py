"""Mailing lists and their members."""

from sqlalchemy import BigInteger, CheckConstraint, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


class MailingListRow(SQLModel, table=True):
    """A named list of an account; ``size`` is the number of its members."""

    __tablename__ = "mailing_list"
    __table_args__ = (
        UniqueConstraint("account_id", "name"),
        CheckConstraint("size >= 0", name="mailing_list_size_not_negative"),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    name: str
    size: int = 0
    created_at: int = Field(sa_type=BigInteger)


class ListMemberRow(SQLModel, table=True):
    """A number on a list (canonical E.164); ``fields`` is a JSON object of strings."""

    __tablename__ = "list_member"

    list_id: str = Field(primary_key=True, foreign_key="mailing_list.id")
    number: str = Field(primary_key=True)
    fields: str = Field(default="{}", sa_type=Text)
    added_at: int = Field(sa_type=BigInteger)
