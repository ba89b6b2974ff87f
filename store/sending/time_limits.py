"""When the messages of one campaign may leave: within its hours, and before it expires."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Row, text

from campaign.handoffs import Handoff
from campaign.instants import SECOND, Instant
from campaign.open_hours import OpenHours
from campaign.people import ERASED
from campaign.ports import ChunkRange, ClaimResult
from campaign.sending_windows import (
    EXPIRED,
    OUTSIDE_WINDOW,
    VALIDITY_SECONDS_MAX,
    SendingHours,
    stored_hours,
)
from store.database.engine import Database, json_rows

# What may have left on an earlier try cannot be called skipped.
_EXPIRE = text(f"""
    UPDATE message SET
        status = CASE WHEN was_unknown THEN 'unknown' ELSE 'skipped' END,
        reason = CASE WHEN was_unknown THEN reason ELSE '{EXPIRED}' END,
        final_at = CASE WHEN was_unknown THEN final_at ELSE CAST(:now AS BIGINT) END
    WHERE campaign_id = :campaign AND position >= :low AND position < :high
        AND COALESCE(status, '') IN ('queued', 'retryable')
""")


class Recipient(Protocol):
    """What of a message decides about its hours."""

    @property
    def recipient(self) -> str:
        """The number in E.164."""

    @property
    def country(self) -> str | None:
        """The country of the number, in ISO 3166."""

    @property
    def time_zone(self) -> str | None:
        """The IANA name of the recipient's time zone, if the request named it."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """The hours of a campaign, when it expires, and for how long carriers should try.

    None where it has none.
    """

    hours: SendingHours | None
    expires_at: Instant | None
    validity_seconds: int | None

    def has_expired(self, now: Instant) -> bool:
        """Tell whether nothing of the campaign may leave any more."""
        return self.expires_at is not None and now >= self.expires_at

    def closed(self, rows: Sequence[Recipient], now: Instant) -> dict[int, Instant | None]:
        """The indexes of those that may not leave now, and when they may; None if never."""
        hours = self.hours
        if hours is None:
            return {}
        found = {}
        for index, row in enumerate(rows):
            if row.recipient == ERASED:
                continue  # The claim skips it with that reason.
            opens_at = _open_hours(hours, row).next_open(now)
            if opens_at != now:
                found[index] = None if hours.skips else opens_at
        return found

    def set_on(self, handoff: Handoff, row: Recipient) -> None:
        """Set by when a message that was claimed has to leave, and for how long it is valid."""
        claimed_at = handoff.attempted_at
        if self.hours is not None:
            handoff.leave_by = _open_hours(self.hours, row).open_until(claimed_at)
        handoff.validity_seconds = self.validity_seconds
        if self.expires_at is not None:
            handoff.leave_by = min(handoff.leave_by, self.expires_at)
            left = min(max(1, (self.expires_at - claimed_at) // SECOND), VALIDITY_SECONDS_MAX)
            handoff.validity_seconds = min(left, self.validity_seconds or left)


def time_limits(row: Row[Any]) -> TimeLimits:
    """The limits in a row of the table ``campaign``."""
    hours = stored_hours(row.purpose, row.sending_window)
    return TimeLimits(hours, row.expires_at, row.validity_seconds)


class Deferrals:
    """Moves or skips due messages that may not leave, in the transaction that would claim them."""

    def __init__(self, database: Database) -> None:
        self._defer = text(f"""
            UPDATE message SET due_at = r.due_at
            FROM {database.rowset("campaign_id TEXT, position BIGINT, due_at BIGINT")}
            WHERE message.campaign_id = r.campaign_id AND message.position = r.position
                AND message.status IN ('queued', 'retryable')
        """)

    def expire(self, connection: Connection, chunk: ChunkRange, now: Instant) -> ClaimResult:
        """Skip what waits in a chunk of a campaign that has expired."""
        values = {"campaign": chunk.campaign_id, "low": chunk.low, "high": chunk.high, "now": now}
        skipped = connection.execute(_EXPIRE, values).rowcount
        return ClaimResult(skipped=skipped, exhausted=True)

    def defer(
        self, connection: Connection, campaign_id: str, closed: Mapping[int, Instant | None]
    ) -> list[dict[str, object]]:
        """Move messages, by position, to when they may leave; returns the rows of the others."""
        moved = [
            {"campaign_id": campaign_id, "position": position, "due_at": due_at}
            for position, due_at in closed.items()
            if due_at is not None
        ]
        if moved:
            connection.execute(self._defer, {"rows": json_rows(moved)})
        return [
            {"campaign_id": campaign_id, "position": position, "status": "skipped"}
            | {"reason": OUTSIDE_WINDOW}
            for position, due_at in closed.items()
            if due_at is None
        ]


def _open_hours(hours: SendingHours, row: Recipient) -> OpenHours:
    return hours.for_recipient(row.recipient, row.country, row.time_zone)
