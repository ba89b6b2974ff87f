"""When the messages of a campaign are due: all shifted by a time, or spread anew."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from sqlalchemy import Boolean, Connection, Row, bindparam, text
from sqlalchemy.exc import IntegrityError

from campaign.canary import canary_from_json
from campaign.events import Destination
from campaign.failures import InstantOutOfRange
from campaign.instants import INSTANT_MAX, Instant
from campaign.limits_changes import LimitsChange
from campaign.schedule import (
    SPREAD_HOURS_CEILING,
    canary_instants,
    ideal_instants,
    spread_fault,
)
from store.campaigns.window_plans import hours_before, move_into_hours, window_plan
from store.database.engine import Database, json_rows
from store.shared.guards import Guards
from store.shared.outbox import Outbox

# A change applies once: only the one with the next number counts, any other changes nothing.
# A plan that moves without a new start makes up for a pause: what is left of that one has still to
# be made up for, by a run that was started anew or by one that a further resume order meets.
_COUNT_PUSH = text("""
    UPDATE campaign SET pauses_applied = :number, base_at = base_at + :by,
      scheduled_at = COALESCE(CAST(:scheduled_at AS BIGINT), scheduled_at),
      paused_at = CASE
        WHEN status = 'paused' AND CAST(:scheduled_at AS BIGINT) IS NULL THEN paused_at + :by
        ELSE paused_at END
    WHERE id = :campaign AND pauses_applied = :number - 1
""")
_COUNT_SPREAD = text("""
    UPDATE campaign SET pauses_applied = :number, spread_hours = :hours,
      base_at = CASE WHEN base_at < :earliest THEN CAST(:earliest AS BIGINT) ELSE base_at END
    WHERE id = :campaign AND pauses_applied = :number - 1
    RETURNING base_at, canary, canary_end
""")
_MOVE_START = text("""
    UPDATE campaign SET base_at = base_at + :by,
      scheduled_at = COALESCE(CAST(:scheduled_at AS BIGINT), scheduled_at)
    WHERE id = :campaign
""")
_PUSH = text("""
    UPDATE message SET due_at = due_at + :by
    WHERE campaign_id = :campaign AND status IN ('queued', 'retryable')
""")
_SET_LIMITS = text("""
    UPDATE campaign SET pauses_applied = :number,
      sending_window = CASE
        WHEN :has_window THEN CAST(:window AS VARCHAR) ELSE sending_window END,
      expires_at = CASE WHEN :has_expiry THEN CAST(:expires_at AS BIGINT) ELSE expires_at END
    WHERE id = :campaign AND pauses_applied = :number - 1
""").bindparams(bindparam("has_window", type_=Boolean), bindparam("has_expiry", type_=Boolean))
_CHANGES = text("""
    SELECT pauses_applied FROM campaign WHERE id = :campaign
""")
# An order that came meanwhile is carried out first.
_RUNS_CANARY = text("""
    SELECT 1 FROM campaign
    WHERE id = :campaign AND canary_end IS NOT NULL AND ordered IS NULL
        AND status IN ('scheduled', 'running')
""")
_FIRST_DUE = text("""
    SELECT min(due_at) FROM message
    WHERE campaign_id = :campaign AND status IN ('queued', 'retryable')
""")

T = TypeVar("T")


class _Undone(Exception):
    """Rolls the transaction of a preview back."""


@dataclass(frozen=True, slots=True)
class _Done:
    """The number of the last change, and how many messages this one found no room for."""

    number: int
    stuck: int = 0


class Plans:
    """The :class:`campaign.ports.PlanStore` of both databases."""

    def __init__(self, database: Database, guards: Guards, outbox: Outbox) -> None:
        self._database = database
        self._guards = guards
        self._outbox = outbox
        self._spread_over = text(f"""
            SELECT position FROM message
            WHERE campaign_id = :campaign AND status = 'queued' AND scheduled_at IS NULL
            ORDER BY position {database.for_update}
        """)
        # By the primary key alone: with a condition on the status, PostgreSQL may search all
        # queued messages for each of 50,000 rows, which takes minutes.
        self._lay_out = text(f"""
            UPDATE message SET due_at = r.due_at
            FROM {database.rowset("campaign_id TEXT, position BIGINT, due_at BIGINT")}
            WHERE message.campaign_id = r.campaign_id AND message.position = r.position
        """)

    def shift(
        self,
        campaign_id: str,
        number: int,
        by: Instant,
        scheduled_at: Instant | None = None,
    ) -> int:
        """See :class:`campaign.ports.PlanStore`; raises NoResultFound for an unknown id.

        It is part of the transaction ``within`` where one is given.
        """
        _check(by, scheduled_at)
        values = {"campaign": campaign_id, "number": number, "by": by, "scheduled_at": scheduled_at}
        return self._write(lambda connection: self._shift(connection, values).number)

    def canary_until(self, campaign_id: str, now: Instant) -> Instant:
        """See :class:`campaign.ports.PlanStore`."""
        return self._database.read(
            lambda connection: self._guards.canary_until(connection, campaign_id, now)
        )

    def end_canary(self, campaign_id: str, number: int, now: Instant) -> int:
        """See :class:`campaign.ports.PlanStore`; raises NoResultFound for an unknown id."""
        destinations: Sequence[Destination] = []

        def work(connection: Connection) -> int:
            nonlocal destinations
            values = {"campaign": campaign_id, "number": number, "scheduled_at": None}
            if connection.execute(_RUNS_CANARY, values).first() is None:
                return _changes(connection, campaign_id)
            first = connection.execute(_FIRST_DUE, values).scalar()
            by = 0 if first is None else now - first
            changes = self._shift(connection, {**values, "by": by}).number
            if changes == number:
                destinations = self._guards.end_canary(connection, campaign_id, now)
            return changes

        changes = self._write(work)
        self._outbox.notify(destinations)
        return changes

    def respread(
        self,
        campaign_id: str,
        number: int,
        hours: float,
        earliest: Instant,
        scheduled_at: Instant | None = None,
    ) -> int:
        """See :class:`campaign.ports.PlanStore`; raises NoResultFound for an unknown id.

        It is part of the transaction ``within`` where one is given.
        """
        _check(earliest, scheduled_at)
        if fault := spread_fault(hours, SPREAD_HOURS_CEILING):
            raise InstantOutOfRange(f"a spread {fault}")
        values = {
            "campaign": campaign_id,
            "number": number,
            "hours": hours,
            "earliest": earliest,
            "scheduled_at": scheduled_at,
        }

        return self._write(lambda connection: self._respread(connection, values).number)

    def change_limits(
        self, campaign_id: str, number: int, change: LimitsChange, now: Instant
    ) -> int:
        """See :class:`campaign.limits_changes.LimitsStore`; raises NoResultFound likewise."""
        values = {"campaign": campaign_id, "number": number, "now": now, **asdict(change)}
        return self._write(lambda connection: self._change_limits(connection, values).number)

    def _shift(self, connection: Connection, values: dict[str, Any]) -> _Done:
        windowed = window_plan(connection, self._lay_out, values["campaign"])
        stuck = 0
        if connection.execute(_COUNT_PUSH, values).rowcount:
            if windowed is None:
                connection.execute(_PUSH, values)
            else:
                stuck = windowed.shift(values["campaign"], values["by"], values["scheduled_at"])
        return _Done(_changes(connection, values["campaign"]), stuck)

    def _respread(self, connection: Connection, values: dict[str, Any]) -> _Done:
        campaign_id, scheduled_at = values["campaign"], values["scheduled_at"]
        campaign = connection.execute(_COUNT_SPREAD, values).first()
        if campaign is None:
            return _Done(_changes(connection, campaign_id))
        positions = connection.execute(self._spread_over, values).scalars().all()
        dues = _dues(campaign, values["hours"], positions)
        rows = [
            {"campaign_id": campaign_id, "position": position, "due_at": due}
            for position, due in zip(positions, dues, strict=True)
        ]
        connection.execute(self._lay_out, {"rows": json_rows(rows)})
        first = connection.execute(_FIRST_DUE, values).scalar()
        if scheduled_at is not None and first is not None:
            move = {**values, "by": scheduled_at - first}
            connection.execute(_MOVE_START, move)
            connection.execute(_PUSH, move)
        windowed = window_plan(connection, self._lay_out, campaign_id)
        stuck = 0 if windowed is None else windowed.respread(campaign_id)
        return _Done(values["number"], stuck)

    def _change_limits(self, connection: Connection, values: dict[str, Any]) -> _Done:
        campaign_id = values["campaign"]
        before = hours_before(connection, campaign_id)
        if connection.execute(_SET_LIMITS, values).rowcount == 0:
            return _Done(_changes(connection, campaign_id))
        stuck = 0
        if values["has_window"]:
            stuck = move_into_hours(connection, self._lay_out, campaign_id, before, values["now"])
        return _Done(values["number"], stuck)

    def preview(
        self,
        campaign_id: str,
        hours: float | None,
        earliest: Instant,
        scheduled_at: Instant | None,
        look: Callable[[Connection, int], T],
        limits: LimitsChange | None = None,
    ) -> T:
        """What ``look`` finds once the plan is changed; the change is then taken back.

        Without ``hours`` and ``limits`` the plan moves to ``scheduled_at``. ``look`` gets how many
        messages have no room in the hours within a year. Holds the locks of a change meanwhile:
        about a second for 50,000 messages. Raises as changes do.
        """
        _check(earliest, scheduled_at)
        found: list[T] = []

        def work(connection: Connection) -> int:
            number = _changes(connection, campaign_id) + 1
            values = {"campaign": campaign_id, "number": number, "scheduled_at": scheduled_at}
            first = connection.execute(_FIRST_DUE, values).scalar()
            done = _Done(0)
            if limits is not None:
                changed = {**values, "now": earliest, **asdict(limits)}
                done = self._change_limits(connection, changed)
            elif hours is not None:
                done = self._respread(connection, {**values, "hours": hours, "earliest": earliest})
            elif scheduled_at is not None and first is not None:
                done = self._shift(connection, {**values, "by": scheduled_at - first})
            found.append(look(connection, done.stuck))
            raise _Undone

        with suppress(_Undone):
            self._write(work)
        return found[-1]

    def _write(self, work: Callable[[Connection], int]) -> int:
        """Run a change; the checks of the tables hold every instant that it computes in bounds."""
        try:
            return self._database.write(work)
        except IntegrityError as error:
            if "_in_bounds" not in str(error.orig):
                raise
            raise InstantOutOfRange("the plan would leave the years 1970 to 2199") from None


def _dues(campaign: Row[Any], hours: float, positions: Sequence[int]) -> list[Instant]:
    """When messages at these positions are due by the spread; a canary that runs goes first."""
    start, count = campaign.base_at, len(positions)
    if campaign.canary_end is None:
        return ideal_instants(start, hours, count)
    size = bisect_left(positions, campaign.canary_end)
    wait = canary_from_json(campaign.canary).wait_seconds
    return canary_instants(start, hours, count, size, wait)


def _changes(connection: Connection, campaign_id: str) -> int:
    return int(connection.execute(_CHANGES, {"campaign": campaign_id}).scalar_one())


def _check(*instants: Instant | None) -> None:
    """Refuse what no bound of a plan can be, and no column of a database may hold."""
    for instant in instants:
        if instant is not None and abs(instant) > INSTANT_MAX:
            raise InstantOutOfRange("an instant outside the years 1970 to 2199")
