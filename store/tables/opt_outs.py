"""Opt-outs with their evidence, the keywords of accounts, and the answers to keywords."""

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel


class OptOut(SQLModel, table=True):
    """A number (canonical E.164) that is opted out of the messages of an account.

    The row is written and deleted by the events of the number alone (store/accounts/opt_outs.py).
    ``event_id`` is the event that opted it out, null for a row from before events were kept.
    """

    __tablename__ = "opt_out"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    number: str = Field(primary_key=True)
    source: str
    created_at: int = Field(sa_type=BigInteger)
    event_id: str | None = None


class OptOutState(SQLModel, table=True):
    """The latest STOP and the latest START of a number, each by its own time.

    The number is opted out if the STOP is not earlier. So the order in which events arrive does
    not matter, and every event of a number takes the lock of this row.
    """

    __tablename__ = "opt_out_state"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    number: str = Field(primary_key=True)
    stopped_at: int | None = Field(default=None, sa_type=BigInteger)
    started_at: int | None = Field(default=None, sa_type=BigInteger)


class OptOutEvent(SQLModel, table=True):
    """One STOP or START, kept as evidence; the same ``event_id`` counts once.

    ``text`` is what the person wrote to ``address`` through ``carrier``. ``source`` is "inbound",
    "api", "file" or "carrier"; ``reason`` is the carrier's code of a number that it calls dead.
    """

    __tablename__ = "opt_out_event"
    __table_args__ = (Index("opt_out_event_by_number", "account_id", "number", "at"),)

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    event_id: str = Field(primary_key=True)
    number: str
    kind: str
    at: int = Field(sa_type=BigInteger)
    source: str
    carrier: str | None = None
    address: str | None = None
    text: str | None = Field(default=None, sa_type=Text)
    reason: str | None = None


class KeywordSettingRow(SQLModel, table=True):
    """The languages and words of an account, and its answers to STOP and HELP.

    ``languages``, ``stop``, ``start`` and ``help`` are JSON arrays; null languages mean all. A
    null answer means the default, an empty one none.
    """

    __tablename__ = "keyword_setting"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    languages: str | None = Field(default=None, sa_type=Text)
    stop: str = Field(sa_type=Text)
    start: str = Field(sa_type=Text)
    help: str = Field(sa_type=Text)
    stop_reply: str | None = Field(default=None, sa_type=Text)
    help_reply: str | None = Field(default=None, sa_type=Text)
    replies_paid: bool = False


class AutoReply(SQLModel, table=True):
    """The latest answer to a keyword of a number, of each kind ("stop" or "help").

    It allows one a day, and says from which ``address`` the delivery ``callback_id`` answers.
    """

    __tablename__ = "auto_reply"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    number: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    address: str
    at: int = Field(sa_type=BigInteger)
    callback_id: str = Field(unique=True)
