"""Another start, spread or rate for a campaign: checked, and sent to its workflow."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import WorkflowHandle

from campaign.instants import DAY, Instant, iso, iso_or_none
from campaign.refusals import Refusal, RefusalCode
from campaign.schedule import spread_fault, window_fault
from campaign.settings import Settings
from campaign.views import CampaignView
from workflows.campaign import CampaignWorkflow
from workflows.records import CampaignResult, ChangeSpreadInput, RescheduleInput


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a campaign: None keeps the start, the spread or the text, ``has_rate`` the rate.

    The ``text`` is that of the messages that have not left, and have no text of their own.
    """

    start: Instant | None = None
    spread_hours: float | None = None
    has_rate: bool = False
    rate: float | None = None
    text: str | None = None

    @property
    def moves_plan(self) -> bool:
        """Whether the plan changes, which only the workflow can do."""
        return self.start is not None or self.spread_hours is not None


def faults_of(
    change: Change, now: Instant, settings: Settings, expires_at: Instant | None = None
) -> list[Refusal]:
    """Everything that is wrong with a change, for a campaign that expires then."""
    faults = []
    if change.text is not None and change.moves_plan:
        what = "change the text and the plan in two requests, because each may be refused"
        faults.append(Refusal(RefusalCode.FIELD_INVALID, what, "text"))
    ahead_max, hours = settings.schedule_days_max * DAY, change.spread_hours
    start = None if change.start is None else window_fault(change.start, now, ahead_max)
    if change.start is not None and expires_at is not None and change.start >= expires_at:
        start = "not before expiresAt"
    if start:
        faults.append(Refusal(RefusalCode.SCHEDULE_INVALID, start, "scheduleDateTime"))
    spread = None if hours is None else spread_fault(hours, settings.spread_hours_max)
    if spread:
        faults.append(Refusal(RefusalCode.SPREAD_INVALID, spread, "spreadHours"))
    return faults


def changes_of(view: CampaignView, change: Change) -> tuple[dict[str, object], dict[str, object]]:
    """The start and the spread before and after a change, as far as it has them."""
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    if change.start is not None:
        before["scheduleDateTime"] = iso_or_none(view.scheduled_at)
        after["scheduleDateTime"] = iso(change.start)
    if change.spread_hours is not None:
        before["spreadHours"], after["spreadHours"] = view.spread_hours, change.spread_hours
    return before, after


async def send_update(
    handle: WorkflowHandle[CampaignWorkflow, CampaignResult], change: Change, timeout: timedelta
) -> Instant:
    """Ask a campaign's workflow for another start or spread; returns when the campaign begins.

    Raises WorkflowUpdateFailedError when the campaign has begun or ended. Both are one update, so
    that all of it is done or nothing.
    """
    if change.spread_hours is not None:
        spread = ChangeSpreadInput(hours=change.spread_hours, at=change.start)
        return await handle.execute_update(
            CampaignWorkflow.change_spread,  # type: ignore[arg-type]  # see below
            spread,
            rpc_timeout=timeout,
        )
    assert change.start is not None
    start = RescheduleInput(at=change.start)
    # The SDK's types take an async update with a description for one that returns a coroutine.
    return await handle.execute_update(
        CampaignWorkflow.reschedule,  # type: ignore[arg-type]
        start,
        rpc_timeout=timeout,
    )
