"""Admit a campaign: validate it, hold its credits, plan it."""

from temporalio import activity

from activities.clock import now
from activities.planning import Planning
from activities.records import (
    AdmitCampaignResult,
    CampaignRef,
    NextWavesResult,
    PlanCampaignResult,
    Verdict,
)
from campaign.ports import AdmissionStore, CampaignStore, PlanFacts
from campaign.refusals import Refusal
from campaign.rules import JUDGEMENT
from campaign.states import CampaignStatus


class Admission:
    """Activities that admit or refuse a campaign. Each may be run again and answers the same."""

    def __init__(
        self, campaigns: CampaignStore, admissions: AdmissionStore, planning: Planning
    ) -> None:
        self._campaigns = campaigns
        self._admissions = admissions
        self._planning = planning

    @activity.defn
    def admit_campaign(self, input: CampaignRef) -> AdmitCampaignResult:
        """Validate a draft, hold its credits, fix its plan, and find its first waves."""
        id = input.campaign_id
        verdict = self.validate_campaign(input)
        if verdict.admitted:
            verdict = self._hold(id)
        if not verdict.admitted:
            return self._refused(id, verdict)
        facts = self._admissions.plan_facts(id)
        plan = self._accept(id, facts)
        if plan.withdrawn:
            return self._refused(id, Verdict(admitted=False, refusals=plan.withdrawn), plan)
        return self._admitted(id, facts, plan)

    def result(self, input: CampaignRef) -> AdmitCampaignResult:
        """What became of a campaign that was prepared; one that is being cancelled has no plan."""
        id = input.campaign_id
        refusals = self._campaigns.stored_refusals(id)
        if refusals is not None:
            return self._refused(id, Verdict(admitted=False, refusals=tuple(refusals)))
        if not self._admissions.is_held(id):
            return AdmitCampaignResult(
                verdict=Verdict(admitted=True), tally=self._campaigns.tally(id)
            )
        facts = self._admissions.plan_facts(id)
        return self._admitted(id, facts, plan_of(facts))

    def _refused(
        self, id: str, verdict: Verdict, plan: PlanCampaignResult | None = None
    ) -> AdmitCampaignResult:
        return AdmitCampaignResult(verdict=verdict, tally=self._campaigns.tally(id), plan=plan)

    def _admitted(self, id: str, facts: PlanFacts, plan: PlanCampaignResult) -> AdmitCampaignResult:
        """With the counts, and with the first waves of the plan."""
        waves, tally = self._planning.waves(id, facts), self._campaigns.tally(id)
        following = NextWavesResult(waves=waves, tally=tally, canary=facts.canary)
        verdict = Verdict(admitted=True)
        return AdmitCampaignResult(verdict=verdict, tally=tally, plan=plan, next=following)

    @activity.defn
    def validate_campaign(self, input: CampaignRef) -> Verdict:
        """Hold a stored draft against every rule that needs the store.

        Opted-out recipients are skipped first. A rule that is broken refuses the campaign in the
        store. A campaign whose credits are held was validated before, and is not held against a
        quota that it counts towards itself.
        """
        stored = self._campaigns.stored_refusals(input.campaign_id)
        if stored is not None:
            return Verdict(admitted=False, refusals=tuple(stored))
        if self._admissions.is_held(input.campaign_id):
            return Verdict(admitted=True)
        moment = now()
        self._admissions.skip_opted_out(input.campaign_id, moment)
        evidence = self._admissions.evidence(input.campaign_id, moment)
        refusals = tuple(refusal for check in JUDGEMENT for refusal in check(evidence))
        if refusals:
            self._campaigns.refuse(input.campaign_id, refusals, moment)
        return Verdict(admitted=not refusals, refusals=refusals)

    @activity.defn
    def hold_credits(self, input: CampaignRef) -> Verdict:
        """Hold the price of everything to be sent, or refuse the campaign.

        Run again after a hold, it holds nothing more.
        """
        stored = self._campaigns.stored_refusals(input.campaign_id)
        if stored is not None:
            return Verdict(admitted=False, refusals=tuple(stored))
        return self._hold(input.campaign_id)

    def _hold(self, id: str) -> Verdict:
        moment = now()
        refusal = self._admissions.hold(id, moment)
        if refusal is None:
            return Verdict(admitted=True)
        self._campaigns.refuse(id, [refusal], moment)
        return Verdict(admitted=False, refusals=(refusal,))

    @activity.defn
    def plan_campaign(self, input: CampaignRef) -> PlanCampaignResult:
        """Accept the plan that was fixed with the draft and mark the campaign scheduled."""
        return self._accept(input.campaign_id, self._admissions.plan_facts(input.campaign_id))

    def _accept(self, id: str, facts: PlanFacts) -> PlanCampaignResult:
        stands = self._campaigns.set_status(id, CampaignStatus.SCHEDULED, now())
        withdrawn = stands is CampaignStatus.REFUSED
        refusals = self._campaigns.stored_refusals(id) if withdrawn else None
        return plan_of(facts, tuple(refusals or ()))


def plan_of(facts: PlanFacts, withdrawn: tuple[Refusal, ...] = ()) -> PlanCampaignResult:
    """The plan of an admitted campaign by what the store has of it."""
    return PlanCampaignResult(
        first_due_at=facts.first_due_at,
        last_due_at=facts.last_due_at,
        to_send=facts.to_send,
        pauses=facts.pauses,
        failed=facts.failed,
        withdrawn=withdrawn,
    )
