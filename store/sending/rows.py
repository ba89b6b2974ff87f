"""The rows that a chunk's statements return, and the handoffs that are made of them.

A column of SQLAlchemy's Row is looked up by its name each time; of what is read some twenty
times for each message, these are plain tuples.
"""

from typing import Any, NamedTuple

from sqlalchemy import Row

from campaign.handoffs import Handoff
from campaign.instants import Instant
from campaign.routing import Choice

HANDOFF_COLUMNS = (
    "position, id, recipient, text, media_url, sender, segments, attempts, key, list_id"
)


class DueMessage(NamedTuple):
    """A message that may leave: HANDOFF_COLUMNS, and its tries since the last retry."""

    position: int
    id: str
    recipient: str
    text: str
    media_url: str | None
    sender: str
    segments: int
    attempts: int
    key: str | None
    list_id: str | None
    tries: int


class Moved(NamedTuple):
    """A message whose outcome was written; ``event_for`` is its id if somebody wants its news."""

    position: int
    status: str
    kind: str
    key: str | None
    was_unknown: bool
    event_for: str | None


def new_handoff(row: DueMessage, now: Instant, start_at: Instant, choice: Choice) -> Handoff:
    """The try that is claimed just now."""
    return Handoff(
        position=row.position,
        attempt=row.attempts + 1,
        reference=row.id,
        sender=row.sender,
        to=row.recipient,
        text=row.text,
        media_url=row.media_url,
        segments=row.segments,
        attempted_at=now,
        start_at=start_at,
        carrier=choice.carrier,
        round=choice.round,
        more=choice.more,
    )


def old_handoff(row: Row[Any]) -> Handoff:
    """The try that a dead attempt at the chunk left under way."""
    return Handoff(
        position=row.position,
        attempt=row.attempts,
        reference=row.id,
        sender=row.sender,
        to=row.recipient,
        text=row.text,
        media_url=row.media_url,
        segments=row.segments,
        attempted_at=row.attempted_at,
        carrier=row.carrier or "",
    )
