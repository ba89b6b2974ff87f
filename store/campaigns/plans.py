"""When the messages of a campaign are due: all shifted by a time, or spread anew."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Boolean, Connection, bindparam, text
from sqlalchemy.exc import IntegrityError

from campaign.failures import InstantOutOfRange
from campaign.instants import INSTANT_MAX, Instant
from campaign.limits_changes import LimitsChange
from campaign.schedule import SPREAD_HOURS_CEILING, ideal_instants, spread_fault
from store.campaigns.window_plans import hours_before, move_into_hours, window_plan
from store.database.engine import Database, json_rows

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
    RETURNING base_at
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
_OUTLOOK = text("""
    SELECT count(*), min(due_at), max(due_at),
      count(CASE WHEN due_at >= campaign.expires_at THEN 1 END), min(campaign.paused_at)
    FROM message JOIN campaign ON campaign.id = message.campaign_id
    WHERE campaign_id = :campaign AND message.status IN ('queued', 'retryable')
""")
_CHANGES = text("""
    SELECT pauses_applied FROM campaign WHERE id = :campaign
""")
_FIRST_DUE = text("""
    SELECT min(due_at) FROM message
    WHERE campaign_id = :campaign AND status IN ('queued', 'retryable')
""")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What waits of a campaign: how many, when the first and the last are due.

    ``late`` are due when it expires or later. ``stuck`` have no room in its hours within a year.
    """

    waiting: int
    first_due_at: Instant | None
    last_due_at: Instant | None
    late: int
    paused_at: Instant | None
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class _Done:
    """The number of the last change, and how many messages this one found no room for."""

    number: int
    stuck: int = 0


class _Previewed(Exception):
    """Rolls a change back; what waited before it, and after."""

    def __init__(self, before: Outlook, after: Outlook) -> None:
        super().__init__()
        self.before, self.after = before, after


class Plans:
    """The :class:`campaign.ports.PlanStore` of both databases."""

    def __init__(self, database: Database) -> None:
        self._database = database
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
        self, campaign_id: str, number: int, by: Instant, scheduled_at: Instant | None = None
    ) -> int:
        """See :class:`campaign.ports.PlanStore`; raises NoResultFound for an unknown id."""
        _check(by, scheduled_at)
        values = {"campaign": campaign_id, "number": number, "by": by, "scheduled_at": scheduled_at}
        return self._write(lambda connection: self._shift(connection, values).number)

    def respread(
        self,
        campaign_id: str,
        number: int,
        hours: float,
        earliest: Instant,
        scheduled_at: Instant | None = None,
    ) -> int:
        """See :class:`campaign.ports.PlanStore`; raises NoResultFound for an unknown id."""
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

    def preview(
        self,
        campaign_id: str,
        now: Instant,
        start: Instant | None,
        hours: float | None,
        limits: LimitsChange | None,
    ) -> tuple[Outlook, Outlook]:
        """What waits before and after a change of the plan, whose transaction is rolled back.

        Holds the write lock of SQLite for as long as the change itself.
        """

        def work(connection: Connection) -> int:
            values: dict[str, Any] = {"campaign": campaign_id, "now": now}
            before = _outlook(connection, values)
            values["number"] = _changes(connection, campaign_id) + 1
            done = _Done(0)
            if limits is not None:
                done = self._change_limits(connection, {**values, **asdict(limits)})
            elif hours is not None:
                earliest = {"earliest": before.paused_at or now, "scheduled_at": start}
                done = self._respread(connection, {**values, **earliest, "hours": hours})
            elif start is not None and before.first_due_at is not None:
                by = {"by": start - before.first_due_at, "scheduled_at": start}
                done = self._shift(connection, {**values, **by})
            raise _Previewed(before, replace(_outlook(connection, values), stuck=done.stuck))

        try:
            self._write(work)
        except _Previewed as previewed:
            return previewed.before, previewed.after
        raise AssertionError("unreachable")

    def _shift(self, connection: Connection, values: dict[str, Any]) -> "_Done":
        windowed = window_plan(connection, self._lay_out, values["campaign"])
        stuck = 0
        if connection.execute(_COUNT_PUSH, values).rowcount:
            if windowed is None:
                connection.execute(_PUSH, values)
            else:
                stuck = windowed.shift(values["campaign"], values["by"], values["scheduled_at"])
        return _Done(_changes(connection, values["campaign"]), stuck)

    def _respread(self, connection: Connection, values: dict[str, Any]) -> "_Done":
        campaign_id, scheduled_at = values["campaign"], values["scheduled_at"]
        start = connection.execute(_COUNT_SPREAD, values).scalar()
        if start is None:
            return _Done(_changes(connection, campaign_id))
        positions = connection.execute(self._spread_over, values).scalars().all()
        dues = ideal_instants(start, values["hours"], len(positions))
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

    def _change_limits(self, connection: Connection, values: dict[str, Any]) -> "_Done":
        campaign_id = values["campaign"]
        before = hours_before(connection, campaign_id)
        if connection.execute(_SET_LIMITS, values).rowcount == 0:
            return _Done(_changes(connection, campaign_id))
        stuck = 0
        if values["has_window"]:
            stuck = move_into_hours(connection, self._lay_out, campaign_id, before, values["now"])
        return _Done(values["number"], stuck)

    def _write(self, work: Callable[[Connection], int]) -> int:
        """Run a change; the checks of the tables hold every instant that it computes in bounds."""
        try:
            return self._database.write(work)
        except IntegrityError as error:
            if "_in_bounds" not in str(error.orig):
                raise
            raise InstantOutOfRange("the plan would leave the years 1970 to 2199") from None


def _outlook(connection: Connection, values: dict[str, Any]) -> Outlook:
    return Outlook(*connection.execute(_OUTLOOK, values).one())


def _changes(connection: Connection, campaign_id: str) -> int:
    return int(connection.execute(_CHANGES, {"campaign": campaign_id}).scalar_one())


def _check(*instants: Instant | None) -> None:
    """Refuse what no bound of a plan can be, and no column of a database may hold."""
    for instant in instants:
        if instant is not None and abs(instant) > INSTANT_MAX:
            raise InstantOutOfRange("an instant outside the years 1970 to 2199")
