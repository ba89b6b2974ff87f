"""Another start, spread or speed for a campaign: what is asked for, and what is wrong with it."""

from dataclasses import dataclass

from campaign.instants import Instant
from campaign.refusals import Refusal, RefusalCode
from campaign.schedule import spread_fault, window_fault
from workflows.records import ChangeSpreadInput, RescheduleInput


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a campaign; None leaves start or spread, ``has_rate`` False the speed."""

    start: Instant | None = None
    spread_hours: float | None = None
    has_rate: bool = False
    rate: float | None = None


def faults_of(change: Change, now: Instant) -> list[Refusal]:
    """Everything that is wrong with a change, whatever campaign it is for."""
    faults = []
    start = None if change.start is None else window_fault(change.start, now)
    if start:
        faults.append(Refusal(RefusalCode.SCHEDULE_INVALID, start, "scheduleDateTime"))
    spread = None if change.spread_hours is None else spread_fault(change.spread_hours)
    if spread:
        faults.append(Refusal(RefusalCode.SPREAD_INVALID, spread, "spreadHours"))
    return faults


def update_of(change: Change) -> tuple[str, RescheduleInput | ChangeSpreadInput] | None:
    """The one update that a campaign's workflow makes of it; None where only the speed changes."""
    if change.spread_hours is not None:
        return "change_spread", ChangeSpreadInput(hours=change.spread_hours, at=change.start)
    if change.start is not None:
        return "reschedule", RescheduleInput(at=change.start)
    return None
