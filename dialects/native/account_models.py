"""The answers about the account: credits, senders, keys, opt-outs, keywords and the brake."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from campaign.instants import iso
from campaign.keywords import Keyword
from dialects.http.api_model import ApiModel, At, Next
from store.shared.brakes import Stop


class Balance(ApiModel):
    """Credits of one kind; ``granted`` is the sum of the other three."""

    granted: int
    available: int
    held: int
    posted: int


class Credits(ApiModel):
    """The balances of an account by kind."""

    sms: Balance
    mms: Balance


class AddedSender(ApiModel):
    """A sender after a request for it."""

    address: str
    kind: str = Field(description="long_code, short_code or alphanumeric")
    active: bool
    status: str = Field(description="requested until the operator approves it, then approved")


class Sender(AddedSender):
    """An address that the account sends from, or asked for."""

    rate: float | None = Field(description="segments per second; null without a limit")


class SenderList(ApiModel):
    """All senders of the account, oldest first."""

    senders: list[Sender]


def _is_set(value: Any) -> bool:
    return value is not None and value is not False


class Key(ApiModel):
    """An API key without its secret."""

    key_id: str
    name: str | None
    permissions: Sequence[str]
    sandbox: bool
    created_at: At
    revoked: Annotated[bool, BeforeValidator(_is_set)] = Field(validation_alias="revoked_at")


class KeyList(ApiModel):
    """All keys of the account, oldest first."""

    keys: list[Key]


class CreatedKey(ApiModel):
    """A new API key with its secrets, which are shown once."""

    key_id: str
    name: str | None
    key_secret: str
    bearer: str
    permissions: list[str]
    sandbox: bool


class Evidence(ApiModel):
    """How a STOP or START came."""

    source: str = Field(description="inbound, api, file or carrier")
    carrier: str | None
    address: str | None = Field(description="the sender that was written to")
    text: str | None
    reason: str | None = Field(description="the carrier's code")


class OptOut(Evidence):
    """A number that opted out, since when, and how."""

    number: str
    created_at: At


class OptOutPage(ApiModel):
    """A page of numbers that opted out, in ascending order."""

    opt_outs: list[OptOut]
    next: Next


class OptOutEvent(Evidence):
    """One STOP or START of a number."""

    id: str
    kind: Keyword
    at: At


class OptOutHistory(ApiModel):
    """Every STOP and START of a number, the earliest first."""

    number: str
    opted_out: bool
    events: list[OptOutEvent]


class OptedOut(ApiModel):
    """The number that is opted out."""

    number: str


class OptOutImport(ApiModel):
    """The opt-outs of a file."""

    added: int
    total: int


class Words(ApiModel):
    """The words of one language."""

    stop: list[str]
    start: list[str]
    help: list[str]


class Keywords(ApiModel):
    """The keywords that inbound texts are read by, and the answers as they are sent."""

    languages: list[str]
    stop: list[str]
    start: list[str]
    help: list[str]
    stop_reply: str | None
    help_reply: str | None
    replies_paid: bool
    words: dict[str, Words] = Field(description="the words of every language, by its code")


class Brake(ApiModel):
    """The emergency brake of the account."""

    stopped: bool
    since: At | None
    by: Literal["account", "operator"] | None

    @classmethod
    def of_stops(cls, stops: Sequence[Stop]) -> "Brake":
        """The model of the stops that are in force, from the first one."""
        if not stops:
            return cls(stopped=False, since=None, by=None)
        by: Literal["account", "operator"] = "operator" if stops[0].by_operator else "account"
        return cls(stopped=True, since=iso(stops[0].since), by=by)
