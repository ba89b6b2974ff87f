"""Say what is due when. The rows of the store are the plan; nothing is kept elsewhere."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.clock import now
from activities.records import (
    CampaignRef,
    NextWavesResult,
    PlanCampaignResult,
    RespreadPlanInput,
    RespreadPlanResult,
    SetStatusInput,
    ShiftPlanInput,
    TallyRecord,
    WaveRecord,
)
from activities.vetting import refused
from campaign.failures import InstantOutOfRange
from campaign.handoffs import Repeats
from campaign.ports import AdmissionStore, CampaignStore, PlanStore, ResolvingStore
from campaign.schedule import wave_width, waves
from campaign.states import CampaignStatus

ROWS_MAX = 20_000
WAVES_MAX = 16


class Planning:
    """Activities that look at a campaign's waiting messages or move them."""

    def __init__(
        self,
        campaigns: CampaignStore,
        plans: PlanStore,
        admissions: AdmissionStore,
        resolving: ResolvingStore,
        repeats: Mapping[str, Repeats],
        chunk_size: int,
    ) -> None:
        self._campaigns = campaigns
        self._plans = plans
        self._admissions = admissions
        self._resolving = resolving
        self._repeats = repeats
        self._chunk_size = chunk_size

    @activity.defn
    def plan(self, input: CampaignRef) -> PlanCampaignResult:
        """Accept the plan that was fixed with the draft and mark the campaign scheduled."""
        facts = self._admissions.plan_facts(input.campaign_id)
        self._campaigns.set_status(input.campaign_id, CampaignStatus.SCHEDULED, now())
        refusals = self._campaigns.stored_refusals(input.campaign_id)
        return PlanCampaignResult(
            first_due_at=facts.first_due_at,
            last_due_at=facts.last_due_at,
            to_send=facts.to_send,
            pauses=facts.pauses,
            failed=facts.failed,
            withdrawn=() if refusals is None else refused(refusals).refusals,
        )

    @activity.defn
    def next_waves(self, input: CampaignRef) -> NextWavesResult:
        """The soonest waves of what is waiting now, a limited number of them.

        Asked again after anything moved (a retry, a pause, a new schedule), the answer follows.
        """
        facts = self._admissions.plan_facts(input.campaign_id)
        rows = self._admissions.waiting_rows(input.campaign_id, ROWS_MAX)
        if facts.spread_hours <= 0:
            rows = [replace(row, hard=True) for row in rows]
        planned = waves(rows, wave_width(facts.spread_hours), self._chunk_size)
        if len(rows) == ROWS_MAX and len(planned) > 1:
            # The last wave may be cut short by the limit; the next look will show it whole.
            planned = planned[:-1]
        if not planned:
            tally = self._campaigns.tally(input.campaign_id)
            return NextWavesResult(tally=TallyRecord(**asdict(tally)))
        begins = not facts.begun
        return NextWavesResult(
            waves=tuple(WaveRecord(**asdict(wave), begins=begins) for wave in planned[:WAVES_MAX])
        )

    @activity.defn
    def reopen_unknown(self, input: CampaignRef) -> int:
        """Put doubtful messages back to work where that is safe or wished; returns how many."""
        return self._resolving.reopen_unknown(input.campaign_id, self._repeats, now())

    @activity.defn
    def push_back(self, input: ShiftPlanInput) -> None:
        """Move everything waiting, once for each number."""
        with _permanent():
            self._plans.push_back(input.campaign_id, input.number, input.by, input.scheduled_at)

    @activity.defn
    def spread(self, input: RespreadPlanInput) -> RespreadPlanResult:
        """Lay out anew what is queued, once for each number; run again, it only answers."""
        with _permanent():
            self._plans.spread(
                input.campaign_id, input.number, input.hours, input.earliest, input.scheduled_at
            )
        facts = self._admissions.plan_facts(input.campaign_id)
        return RespreadPlanResult(first_due_at=facts.first_due_at, last_due_at=facts.last_due_at)

    @activity.defn
    def mark(self, input: SetStatusInput) -> None:
        """Write where the campaign stands; a move that is not allowed changes nothing."""
        self._campaigns.set_status(input.campaign_id, input.status, now())


@contextmanager
def _permanent() -> Iterator[None]:
    """Fail the step for good where the store says that a repeat cannot mend it."""
    try:
        yield
    except InstantOutOfRange as error:
        raise ApplicationError(str(error), type="InstantOutOfRange", non_retryable=True) from error
