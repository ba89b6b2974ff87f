"""The answers about people: what the account knows of a number, and its erasure."""

from collections.abc import Mapping

from pydantic import Field

from dialects.http.api_model import ApiModel, At
from dialects.native.message_search_models import FoundMessage


class PersonOptOut(ApiModel):
    """An opt-out; the source ``erased`` is the keyed hash that an erasure left."""

    source: str
    created_at: At


class PersonReply(ApiModel):
    """A text that the person sent."""

    id: str
    to: str
    text: str
    received_at: At
    message_id: str | None = Field(description="the message that it answers")


class PersonClick(ApiModel):
    """A visit through a short link in a message to the person."""

    id: str
    campaign_id: str
    message_id: str
    url: str
    at: At


class PersonMailingList(ApiModel):
    """A mailing list that the person is on, with the fields stored there."""

    id: str = Field(validation_alias="list_id")
    name: str
    fields: Mapping[str, str]
    added_at: At


class PersonTotals(ApiModel):
    """How many of each kind are stored."""

    messages: int
    opt_outs: int
    replies: int
    clicks: int
    mailing_lists: int


class Person(ApiModel):
    """All that the account knows of a number: at most 1,000 of each kind, the newest first."""

    number: str
    messages: list[FoundMessage]
    opt_outs: list[PersonOptOut]
    replies: list[PersonReply]
    clicks: list[PersonClick]
    mailing_lists: list[PersonMailingList]
    totals: PersonTotals


class Erased(ApiModel):
    """What an erasure changed."""

    messages: int
    skipped: int
    under_way: int = Field(description="messages that a worker was sending, without an outcome yet")
    replies: int
    mailing_lists: int
