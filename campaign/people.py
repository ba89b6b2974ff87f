"""What an account knows of a person, and what an erasure leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaign.instants import Instant
from campaign.views import MessageView

# Stands in a row where the number of an erased person was. Nothing is sent to it.
ERASED = "erased"


@dataclass(frozen=True, slots=True)
class PersonMessage:
    """A message to the person, and its campaign."""

    message: MessageView
    campaign_id: str


@dataclass(frozen=True, slots=True)
class PersonOptOut:
    """An opt-out of the person; ``source`` "erased" is the keyed hash that an erasure left."""

    source: str
    created_at: Instant


@dataclass(frozen=True, slots=True)
class PersonReply:
    """A text that the person sent, to which number, and the message that it answers."""

    id: str
    to: str
    text: str
    received_at: Instant
    message_id: str | None


@dataclass(frozen=True, slots=True)
class PersonClick:
    """A visit through a short link in a message to the person."""

    id: str
    campaign_id: str
    message_id: str
    url: str
    at: Instant


@dataclass(frozen=True, slots=True)
class PersonMembership:
    """A mailing list that the person is on, with the fields stored there."""

    list_id: str
    name: str
    fields: Mapping[str, str]
    added_at: Instant


@dataclass(frozen=True, slots=True)
class Person:
    """All that an account knows of a number: the newest of each kind first.

    ``totals`` counts each kind as it is stored, because the sequences are limited.
    """

    number: str
    messages: Sequence[PersonMessage]
    opt_outs: Sequence[PersonOptOut]
    replies: Sequence[PersonReply]
    clicks: Sequence[PersonClick]
    mailing_lists: Sequence[PersonMembership]
    totals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure changed: how many messages, and which of them.

    ``skipped`` of the ``messages`` were waiting and will never be sent. ``under_way`` names those
    that a worker had claimed, by campaign and position.
    """

    messages: int
    skipped: int
    replies: int
    mailing_lists: int
    under_way: Sequence[tuple[str, int]]
