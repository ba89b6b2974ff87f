"""Judge a campaign by the rules that need the store or a second look."""

from collections.abc import Iterable

from temporalio import activity

from activities.clock import now
from activities.records import CampaignRef, RefusalRecord, Verdict
from campaign.ports import AdmissionStore, CampaignStore
from campaign.refusals import Refusal
from campaign.rules import JUDGEMENT


class Vetting:
    """Activities that say yes or no to a campaign."""

    def __init__(self, campaigns: CampaignStore, admissions: AdmissionStore) -> None:
        self._campaigns = campaigns
        self._admissions = admissions

    @activity.defn
    def vet(self, input: CampaignRef) -> Verdict:
        """Hold a stored draft against every rule of judgement.

        Opted-out recipients are skipped first. Refuses the campaign in the store when a rule
        says no; run again, it answers the same. A campaign that is paid for was judged before,
        and is not held against a quota that it counts towards itself.
        """
        stored = self._campaigns.stored_refusals(input.campaign_id)
        if stored is not None:
            return refused(stored)
        if self._admissions.is_held(input.campaign_id):
            return Verdict(admitted=True)
        moment = now()
        self._admissions.skip_opted_out(input.campaign_id, moment)
        evidence = self._admissions.evidence(input.campaign_id, moment)
        refusals = [refusal for check in JUDGEMENT for refusal in check(evidence)]
        if not refusals:
            return Verdict(admitted=True)
        self._campaigns.refuse(input.campaign_id, refusals, moment)
        return refused(refusals)


def refused(refusals: Iterable[Refusal]) -> Verdict:
    """Write a no with its reasons."""
    return Verdict(
        admitted=False,
        refusals=tuple(
            RefusalRecord(
                code=refusal.code.value,
                message=refusal.message,
                place=refusal.place,
                details=refusal.details,
            )
            for refusal in refusals
        ),
    )
