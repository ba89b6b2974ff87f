"""What passes between us and a carrier, out and in, and what a carrier is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from campaign.instants import Instant
from campaign.states import MessageStatus


class Repeats(StrEnum):
    """What a carrier does with a reference that it has seen before."""

    DEDUP = "dedup"  # answers the first acceptance again
    LOOKUP = "lookup"  # accepts again, but can be asked first
    NONE = "none"  # accepts again and cannot be asked


@dataclass(frozen=True, slots=True)
class Handoff:
    """One try at one message, as the carrier gets it; ``reference`` is the message id.

    ``attempted_at`` is when the try was written down, before its first byte: nothing that a
    carrier took earlier can be this try. It may not leave before ``start_at``. ``carrier`` gets
    it; see campaign.routing.Choice for ``round`` and ``more``.
    """

    position: int
    attempt: int
    reference: str
    sender: str
    to: str
    text: str
    media_url: str | None
    segments: int
    attempted_at: Instant = 0
    start_at: Instant = 0
    carrier: str = ""
    round: int = 1
    more: bool = False


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The carrier took the message; ``carrier_id`` is its own name for it."""

    carrier_id: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A carrier's later news of one message: ``delivered`` or ``undelivered``."""

    reference: str
    status: MessageStatus
    at: Instant
    carrier_id: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text that somebody sent to one of our numbers."""

    sender: str
    to: str
    body: str
    at: Instant


@dataclass(frozen=True, slots=True)
class CarrierCall:
    """A request that says it comes from a carrier, as it came: nothing in it is believed yet.

    ``url`` is the whole address under which the carrier knows us, query included; ``headers``
    have lower-case names.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address; of one that comes twice, the last."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))


class Forged(Exception):
    """A call does not prove that it comes from the carrier; nothing of it was taken."""


class Carrier(Protocol):
    """A way to hand messages over; one file in ``carriers/`` each, both directions."""

    name: str
    repeats: Repeats

    async def send(self, handoff: Handoff) -> Acceptance:
        """Hand one message over within a total deadline.

        Raises PermanentFailure, TemporaryFailure or DoubtfulHandoff, nothing else.
        """
        ...

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """Ask whether a message was taken; raises TemporaryFailure when no clear answer comes."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
