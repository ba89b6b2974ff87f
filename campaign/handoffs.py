"""Records that we exchange with carriers in both directions, and the port ``Carrier``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable
from urllib.parse import parse_qsl, urlsplit

from campaign.instants import INSTANT_MAX, Instant
from campaign.states import MessageStatus


class Repeats(StrEnum):
    """What a carrier does with a repeated reference."""

    DEDUP = "dedup"  # answers with the first acceptance
    LOOKUP = "lookup"  # accepts again, but can be asked before
    NONE = "none"  # accepts again and cannot be asked


@dataclass(frozen=True, slots=True)
class EarlierTry:
    """A try, begun at ``at`` or later, that ``carrier`` may have accepted although nothing says so.

    Either it denied that once, or the store is an older copy that does not know the try.
    """

    carrier: str
    at: Instant


def _always() -> bool:
    return True


@dataclass(slots=True)
class Handoff:
    """One attempt to send one message; ``reference`` is the message id.

    ``attempted_at`` is when the attempt was stored, before its first byte: what a carrier took
    earlier cannot be this attempt. It must not be sent before ``start_at``. It goes to ``carrier``;
    see campaign.routing.Choice for ``round`` and ``more``. ``earlier`` are the tries that are
    looked up before this one. ``sandbox`` is the mark of its campaign. ``may_start`` is asked
    immediately before the first byte; after a False nothing may be sent. It is all that changes:
    each try sets its own. No try starts at ``leave_by`` or later. The carrier need not try any
    longer than ``validity_seconds``.
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
    earlier: tuple[EarlierTry, ...] = ()
    sandbox: bool = False
    leave_by: Instant = INSTANT_MAX
    validity_seconds: int | None = None
    may_start: Callable[[], bool] = _always

    def validity_within(self, shortest: int, longest: int) -> int | None:
        """The validity in seconds within the bounds of a carrier; None without one."""
        seconds = self.validity_seconds
        return None if seconds is None else min(max(seconds, shortest), longest)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The carrier took the message; ``carrier_id`` is the carrier's id of it."""

    carrier_id: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A carrier's report about one message: ``delivered`` or ``undelivered``.

    ``carrier`` is the name of the carrier that reports; only messages that it took are moved.
    Empty, it moves any.
    """

    reference: str
    status: MessageStatus
    at: Instant
    carrier_id: str | None = None
    code: str | None = None
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text that somebody sent to one of our numbers.

    ``carrier_id`` is the carrier's id of the text, the same each time that it is brought.
    ``media_urls`` are the addresses of its pictures. ``keyword`` is what the carrier itself read in
    it ("stop", "start" or "help"). ``also_to`` are its other recipients, which may be ours, too.
    """

    sender: str
    to: str
    body: str
    at: Instant
    carrier_id: str | None = None
    media_urls: tuple[str, ...] = ()
    keyword: str | None = None
    also_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CarrierCall:
    """A request that claims to come from a carrier; it is not authenticated yet.

    ``url`` is the whole URL that the carrier called, with its query; ``headers`` have lower-case
    names.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query; of a repeated one, the last value."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))


@runtime_checkable
class Forgetful(Protocol):
    """A carrier that recognises a repeated reference only for a time.

    From ``dedup_window`` milliseconds after the first try on, a repeat may be a second message.
    """

    dedup_window: Instant


class Forged(Exception):
    """A call is not authenticated as the carrier's; nothing of it was taken."""


class Carrier(Protocol):
    """The client of a carrier; each carrier is one file in ``carriers/``."""

    name: str
    repeats: Repeats

    async def send(self, handoff: Handoff) -> Acceptance:
        """Send one message within a total deadline, if its ``may_start`` allows the first byte.

        Raises only PermanentFailure, TemporaryFailure or DoubtfulHandoff.
        """
        ...

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """Look up whether a message was taken; raises TemporaryFailure without a clear answer."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
