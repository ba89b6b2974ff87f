"""How a changed plan keeps to the hours of its campaign."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from campaign.instants import Instant
from campaign.open_hours import OpenHours
from campaign.sending_windows import PLAN_MAX, SendingHours, due_within, stored_hours
from store.database.engine import json_rows

_CAMPAIGN = text("""
    SELECT purpose, sending_window, paused_at, started_at, base_at
    FROM campaign WHERE id = :campaign
""")
_WAITING = text("""
    SELECT position, due_at, recipient, country, time_zone,
      status = 'queued' AND scheduled_at IS NULL AS is_spread
    FROM message
    WHERE campaign_id = :campaign AND status IN ('queued', 'retryable')
""")
ANY_TIME = SendingHours(None, is_marketing=False)
NewDue = Callable[[Row[Any], OpenHours], Instant | None]


@dataclass(frozen=True, slots=True)
class HoursBefore:
    """The hours of a campaign before they change, None for any time, and since when they count."""

    hours: SendingHours | None
    base_at: Instant
    paused_at: Instant | None

    def counted_from(self, now: Instant) -> Instant:
        """From when open time counts: the start, or now, or the pause that is not made up for."""
        return max(self.base_at, now if self.paused_at is None else self.paused_at)

    def open_time(self, row: Row[Any], since: Instant) -> Instant:
        """How much open time a message still waits for; what skips has no open time."""
        wait: Instant = max(0, row.due_at - since)
        if self.hours is None or self.hours.skips:
            return wait
        open_at = self.hours.for_recipient(row.recipient, row.country, row.time_zone)
        return open_at.open_between(since, since + wait)


class WindowPlan:
    """The plan of one campaign with hours, inside the transaction that changes it.

    Read before the change. ``lay_out`` writes due instants by position.
    """

    def __init__(
        self, connection: Connection, lay_out: TextClause, campaign: Row[Any], hours: SendingHours
    ) -> None:
        self._connection = connection
        self._lay_out = lay_out
        self._campaign = campaign
        self._hours = hours

    def shift(self, campaign_id: str, by: Instant, scheduled_at: Instant | None) -> int:
        """Move what waits by so much, or to a new start; only open time counts.

        Returns how many messages have no room in the hours.

        What was due after an hour of open time is due an hour of open time after the new instant.
        So what a pause in the evening held up goes on in the morning, as evenly as it was planned.
        """
        rows = self._waiting(campaign_id)
        if not rows:
            return 0
        since: Instant = min(row.due_at for row in rows)
        if scheduled_at is None and self._campaign.paused_at is not None:
            # A pause costs a campaign that has not begun only what it outlasts.
            paused_at = self._campaign.paused_at
            begun = self._campaign.started_at is not None
            since = paused_at if begun else max(since, paused_at)
        target = since + by if scheduled_at is None else scheduled_at

        def new_due(row: Row[Any], open_at: OpenHours) -> Instant | None:
            if self._hours.skips:
                moved: Instant = row.due_at + target - since
                return moved
            open_time = open_at.open_between(since, row.due_at)
            return open_at.after(target, open_time, 2 * PLAN_MAX)

        return self._write(campaign_id, rows, new_due)

    def respread(self, campaign_id: str) -> int:
        """Move what was laid out as if it might leave at any time into the hours; as ``shift``."""
        rows = self._waiting(campaign_id)
        start = min((row.due_at for row in rows if row.is_spread), default=0)

        def new_due(row: Row[Any], open_at: OpenHours) -> Instant | None:
            since = start if row.is_spread else row.due_at
            return due_within(self._hours, open_at, since, row.due_at)

        return self._write(campaign_id, rows, new_due)

    def change(self, campaign_id: str, before: HoursBefore, now: Instant) -> int:
        """Move what waits from the hours ``before`` into these; returns as ``shift`` does."""
        since = before.counted_from(now)

        def new_due(row: Row[Any], open_at: OpenHours) -> Instant | None:
            if self._hours.skips:
                due_at: Instant = row.due_at
                return due_at
            return open_at.after(since, before.open_time(row, since), PLAN_MAX)

        return self._write(campaign_id, self._waiting(campaign_id), new_due)

    def _waiting(self, campaign_id: str) -> Sequence[Row[Any]]:
        return self._connection.execute(_WAITING, {"campaign": campaign_id}).all()

    def _write(self, campaign_id: str, rows: Sequence[Row[Any]], new_due: NewDue) -> int:
        moved = []
        for row in rows:
            open_at = self._hours.for_recipient(row.recipient, row.country, row.time_zone)
            due_at = new_due(row, open_at)
            # What may never leave stays, and is skipped when it is due.
            if due_at is not None:
                position = {"campaign_id": campaign_id, "position": row.position}
                moved.append({**position, "due_at": due_at})
        self._connection.execute(self._lay_out, {"rows": json_rows(moved)})
        return len(rows) - len(moved)


def window_plan(connection: Connection, lay_out: TextClause, campaign_id: str) -> WindowPlan | None:
    """The plan of a campaign; None if it may send at any time."""
    campaign = connection.execute(_CAMPAIGN, {"campaign": campaign_id}).one()
    hours = stored_hours(campaign.purpose, campaign.sending_window)
    return None if hours is None else WindowPlan(connection, lay_out, campaign, hours)


def hours_before(connection: Connection, campaign_id: str) -> HoursBefore:
    """The hours of a campaign as they are."""
    campaign = connection.execute(_CAMPAIGN, {"campaign": campaign_id}).one()
    hours = stored_hours(campaign.purpose, campaign.sending_window)
    return HoursBefore(hours, campaign.base_at, campaign.paused_at)


def move_into_hours(
    connection: Connection,
    lay_out: TextClause,
    campaign_id: str,
    before: HoursBefore,
    now: Instant,
) -> int:
    """Move what waits into the hours that a campaign has now; returns how many have no room."""
    campaign = connection.execute(_CAMPAIGN, {"campaign": campaign_id}).one()
    hours = stored_hours(campaign.purpose, campaign.sending_window) or ANY_TIME
    return WindowPlan(connection, lay_out, campaign, hours).change(campaign_id, before, now)
