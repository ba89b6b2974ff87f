"""Where a campaign stands: status, counts, cancellation, settlement, problems."""

from temporalio import activity

from activities.clock import now
from activities.records import (
    CampaignRef,
    ReportProblemInput,
    SetStatusInput,
    SetStatusResult,
    SettleInput,
    SettleResult,
)
from campaign.endings import end_of
from campaign.ports import AdmissionStore, CampaignStore, Tally


class Lifecycle:
    """Activities that move a whole campaign forward, or count it."""

    def __init__(self, campaigns: CampaignStore, admissions: AdmissionStore) -> None:
        self._campaigns = campaigns
        self._admissions = admissions

    @activity.defn
    def set_status(self, input: SetStatusInput) -> SetStatusResult:
        """Write where the campaign stands; a move that is not allowed changes nothing."""
        return SetStatusResult(
            status=self._campaigns.set_status(input.campaign_id, input.status, now())
        )

    @activity.defn
    def count_messages(self, input: CampaignRef) -> Tally:
        """Count the messages of a campaign by state."""
        return self._campaigns.tally(input.campaign_id)

    @activity.defn
    def cancel_waiting(self, input: CampaignRef) -> Tally:
        """Cancel every waiting message and count; run again, it only counts."""
        self._campaigns.cancel_rest(input.campaign_id, now())
        return self._campaigns.tally(input.campaign_id)

    @activity.defn
    def settle_campaign(self, input: SettleInput) -> SettleResult:
        """Void the credits that were not used and write the end; run again, it only counts.

        The status is the store's: no end when a retry requeued messages meanwhile.
        """
        before = self._campaigns.tally(input.campaign_id)
        # A cancel that found nothing left to cancel changed nothing.
        end = end_of(before, input.cancelled and before.cancelled > 0)
        status, tally = self._admissions.settle(input.campaign_id, end, now())
        return SettleResult(status=status, tally=tally)

    @activity.defn
    def report_problem(self, input: ReportProblemInput) -> None:
        """Write why a campaign needs a person, or that it does not any more."""
        self._campaigns.report_problem(input.campaign_id, input.problem, now())
