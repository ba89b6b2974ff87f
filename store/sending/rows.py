"""The rows that a chunk's statements return, and the handoffs that are made of them.

They are named tuples, because SQLAlchemy's Row looks a column up by name at each access, which
is some twenty times for each message.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row

from campaign.handoffs import EarlierTry, Handoff
from campaign.instants import Instant
from campaign.ports import Outcome
from campaign.routing import Choice
from store.database.engine import json_rows


class DueMessage(NamedTuple):
    """A message that may leave; ``tries`` counts since the last retry of its campaign.

    ``via`` is the carrier that the retry chose.
    """

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
    country: str | None
    time_zone: str | None
    via: str | None
    tries: int


class Moved(NamedTuple):
    """A message whose outcome was written; ``event_for`` is its id if its events are wanted."""

    position: int
    status: str
    key: str | None
    was_unknown: bool
    credits_sms: int
    credits_mms: int
    event_for: str | None


def outcome_rows(campaign_id: str, outcomes: Sequence[Outcome]) -> str:
    """Outcomes by position, as the rows of the statements that write them."""
    return json_rows(
        [
            {
                "campaign_id": campaign_id,
                "position": outcome.position,
                "attempt": outcome.attempt,
                "status": outcome.status.value,
                "code": outcome.code,
                "carrier_id": outcome.carrier_id,
                "at": outcome.at,
                "due_at": outcome.due_at,
                "carrier": outcome.carrier,
            }
            for outcome in sorted(outcomes, key=lambda outcome: outcome.position)
        ]
    )


def new_handoff(
    row: DueMessage,
    now: Instant,
    start_at: Instant,
    choice: Choice,
    earlier: Sequence[EarlierTry],
    sandbox: bool,
) -> Handoff:
    """Return the handoff of a message that is claimed now."""
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
        earlier=tuple(earlier),
        sandbox=sandbox,
    )


def old_handoff(row: Row[Any]) -> Handoff:
    """Return the handoff that a dead attempt at the chunk left ``sending``."""
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
        sandbox=bool(row.sandbox),
    )
