"""Say what is due when. The rows of the store are the plan; nothing is kept elsewhere."""

from collections.abc import Mapping
from dataclasses import asdict, replace

from temporalio import activity

from activities.clock import now
from activities.records import (
    CampaignRef,
    Dues,
    Plan,
    PushOrder,
    SpreadOrder,
    StatusOrder,
    TallyRecord,
    WaveOrder,
    Waves,
)
from activities.vetting import refused
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
    def plan(self, order: CampaignRef) -> Plan:
        """Accept the plan that was fixed with the draft and mark the campaign scheduled."""
        facts = self._admissions.plan_facts(order.campaign_id)
        self._campaigns.mark(order.campaign_id, CampaignStatus.SCHEDULED, now())
        refusals = self._campaigns.stored_refusals(order.campaign_id)
        return Plan(
            first_due_at=facts.first_due_at,
            last_due_at=facts.last_due_at,
            to_send=facts.to_send,
            pauses=facts.pauses,
            failed=facts.failed,
            withdrawn=() if refusals is None else refused(refusals).refusals,
        )

    @activity.defn
    def next_waves(self, order: CampaignRef) -> Waves:
        """The soonest waves of what is waiting now, a limited number of them.

        Asked again after anything moved (a retry, a pause, a new schedule), the answer follows.
        """
        facts = self._admissions.plan_facts(order.campaign_id)
        rows = self._admissions.waiting_rows(order.campaign_id, ROWS_MAX)
        if facts.spread_hours <= 0:
            rows = [replace(row, hard=True) for row in rows]
        planned = waves(rows, wave_width(facts.spread_hours), self._chunk_size)
        if len(rows) == ROWS_MAX and len(planned) > 1:
            # The last wave may be cut short by the limit; the next look will show it whole.
            planned = planned[:-1]
        if not planned:
            tally = self._campaigns.tally(order.campaign_id)
            return Waves(tally=TallyRecord(**asdict(tally)))
        begins = not facts.begun
        return Waves(
            waves=tuple(WaveOrder(**asdict(wave), begins=begins) for wave in planned[:WAVES_MAX])
        )

    @activity.defn
    def reopen_unknown(self, order: CampaignRef) -> int:
        """Put doubtful messages back to work where that is safe or wished; returns how many."""
        return self._resolving.reopen_unknown(order.campaign_id, self._repeats, now())

    @activity.defn
    def push_back(self, order: PushOrder) -> None:
        """Move everything waiting, once for each number."""
        self._plans.push_back(order.campaign_id, order.number, order.by, order.scheduled_at)

    @activity.defn
    def spread(self, order: SpreadOrder) -> Dues:
        """Lay out anew what is queued, once for each number; run again, it only answers."""
        self._plans.spread(
            order.campaign_id, order.number, order.hours, order.earliest, order.scheduled_at
        )
        facts = self._admissions.plan_facts(order.campaign_id)
        return Dues(first_due_at=facts.first_due_at, last_due_at=facts.last_due_at)

    @activity.defn
    def mark(self, order: StatusOrder) -> None:
        """Write where the campaign stands; a move that is not allowed changes nothing."""
        self._campaigns.mark(order.campaign_id, order.status, now())
