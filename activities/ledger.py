"""Move a campaign's money: set it aside at the start, settle at the end."""

from dataclasses import asdict

from temporalio import activity

from activities.clock import now
from activities.records import CampaignRef, SettleInput, SettleResult, TallyRecord, Verdict
from activities.vetting import refused
from campaign.endings import end_of
from campaign.ports import AdmissionStore, CampaignStore


class Ledger:
    """Activities on the books of one campaign."""

    def __init__(self, campaigns: CampaignStore, admissions: AdmissionStore) -> None:
        self._campaigns = campaigns
        self._admissions = admissions

    @activity.defn
    def hold_credits(self, input: CampaignRef) -> Verdict:
        """Hold the price of everything to be sent, or refuse the campaign.

        Run again after a hold, it holds nothing more; after a refusal, it answers the same.
        """
        stored = self._campaigns.stored_refusals(input.campaign_id)
        if stored is not None:
            return refused(stored)
        moment = now()
        refusal = self._admissions.hold(input.campaign_id, moment)
        if refusal is None:
            return Verdict(admitted=True)
        self._campaigns.refuse(input.campaign_id, [refusal], moment)
        return refused([refusal])

    @activity.defn
    def settle(self, input: SettleInput) -> SettleResult:
        """Give back what was not used and write the end; run again, it only counts.

        The status is the store's: no end when the campaign was put to work again meanwhile.
        """
        before = self._campaigns.tally(input.campaign_id)
        # A cancel that found nothing left to cancel changed nothing.
        end = end_of(before, input.cancelled and before.cancelled > 0)
        status, tally = self._admissions.settle(input.campaign_id, end, now())
        return SettleResult(status=status, tally=TallyRecord(**asdict(tally)))
