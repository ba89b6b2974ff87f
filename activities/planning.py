"""When what is due. The rows of the store are the plan; nothing is kept elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from temporalio import activity

from activities.clock import now
from activities.records import (
    CampaignRef,
    ChangeLimitsInput,
    EndCanaryInput,
    NextWavesResult,
    RespreadPlanInput,
    RespreadPlanResult,
    ShiftPlanInput,
    ShiftPlanResult,
)
from campaign.handoffs import Repeats
from campaign.limits_changes import LimitsChange, LimitsStore
from campaign.ports import (
    AdmissionStore,
    CampaignStore,
    PlanFacts,
    PlanStore,
    ResolvingStore,
)
from campaign.schedule import Wave, wave_width, waves

ROWS_MAX = 20_000
WAVES_MAX = 16


class ChangedPlans(PlanStore, LimitsStore, Protocol):
    """All changes of plans."""


class Planning:
    """Activities that look at a campaign's waiting messages or move them."""

    def __init__(
        self,
        campaigns: CampaignStore,
        plans: ChangedPlans,
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
    def find_next_waves(self, input: CampaignRef) -> NextWavesResult:
        """Find the soonest waves of what waits now, a limited number of them, and count.

        Asked again after anything moved (a retry, a pause, a new schedule), the answer follows.
        """
        facts = self._admissions.plan_facts(input.campaign_id)
        found = self.waves(input.campaign_id, facts)
        waits = facts.canary and not found
        return NextWavesResult(
            waves=found,
            tally=self._campaigns.tally(input.campaign_id),
            canary=facts.canary,
            canary_until=self._plans.canary_until(input.campaign_id, now()) if waits else None,
        )

    def waves(self, campaign_id: str, facts: PlanFacts) -> tuple[Wave, ...]:
        """Find the soonest waves of what waits now."""
        rows = self._admissions.waiting_rows(campaign_id, ROWS_MAX)
        length = (facts.last_due_at or facts.base_at) - facts.base_at
        planned = waves(rows, wave_width(facts.spread_hours, length), self._chunk_size)
        if len(rows) == ROWS_MAX and len(planned) > 1:
            # The limit may have cut the last wave short; the next look shows it whole.
            planned = planned[:-1]
        return tuple(replace(wave, begins=not facts.begun) for wave in planned[:WAVES_MAX])

    @activity.defn
    def requeue_unknown(self, input: CampaignRef) -> int:
        """Requeue messages in state ``unknown`` where the carrier or the policy allows it.

        Returns how many messages of the campaign are requeued then; run again, the same.
        """
        return self._resolving.reopen_unknown(input.campaign_id, self._repeats, now())

    @activity.defn
    def shift_plan(self, input: ShiftPlanInput) -> ShiftPlanResult:
        """Move everything that waits, once for each number; run again, it only answers."""
        number = self._plans.shift(input.campaign_id, input.number, input.by, input.scheduled_at)
        return self._moved(input.campaign_id, number)

    def _moved(self, campaign_id: str, number: int) -> ShiftPlanResult:
        facts = self._admissions.plan_facts(campaign_id)
        return ShiftPlanResult(
            number=number, first_due_at=facts.first_due_at, last_due_at=facts.last_due_at
        )

    @activity.defn
    def end_canary(self, input: EndCanaryInput) -> ShiftPlanResult:
        """Pause a campaign for the outcomes of its canary, or let the others leave from now on.

        Changes the plan once for each number; run again, it only answers.
        """
        number = self._plans.end_canary(input.campaign_id, input.number, now())
        return self._moved(input.campaign_id, number)

    @activity.defn
    def respread_plan(self, input: RespreadPlanInput) -> RespreadPlanResult:
        """Lay out anew what is queued, once for each number; run again, it only answers."""
        number = self._plans.respread(
            input.campaign_id, input.number, input.hours, input.earliest, input.scheduled_at
        )
        facts = self._admissions.plan_facts(input.campaign_id)
        return RespreadPlanResult(
            number=number, first_due_at=facts.first_due_at, last_due_at=facts.last_due_at
        )

    @activity.defn
    def change_limits(self, input: ChangeLimitsInput) -> ShiftPlanResult:
        """Write another window or expiry, once for each number; run again, it only answers."""
        change = LimitsChange(
            has_window=input.has_window,
            window=input.window,
            has_expiry=input.has_expiry,
            expires_at=input.expires_at,
        )
        number = self._plans.change_limits(input.campaign_id, input.number, change, now())
        return self._moved(input.campaign_id, number)
