"""Where a campaign stands: status, counts, cancellation, settlement, problems."""

from temporalio import activity

from activities.clock import now
from activities.records import (
    CampaignRef,
    FollowOrdersResult,
    ReportProblemInput,
    SetStatusInput,
    SetStatusResult,
    SettleInput,
    SettleResult,
)
from activities.sending_metrics import count_given_up
from campaign.endings import end_of
from campaign.ports import AdmissionStore, CampaignStore, Tally
from campaign.states import MessageStatus


class Lifecycle:
    """Activities that move a whole campaign forward, or count it."""

    def __init__(self, campaigns: CampaignStore, admissions: AdmissionStore) -> None:
        self._campaigns = campaigns
        self._admissions = admissions

    @activity.defn
    def set_status(self, input: SetStatusInput) -> SetStatusResult:
        """Write where the campaign stands; a move that is not allowed changes nothing."""
        id, order = input.campaign_id, input.order
        stands = self._campaigns.set_status(id, input.status, now(), order)
        return SetStatusResult(status=stands, behind=self._campaigns.has_newer_order(id, order))

    @activity.defn
    def follow_orders(self, input: CampaignRef) -> FollowOrdersResult:
        """Find out what was ordered, and take a pause or a brake of the store as carried out."""
        stands = self._campaigns.follow_orders(input.campaign_id, now())
        return FollowOrdersResult(
            status=stands.status,
            ordered=stands.ordered,
            number=stands.number,
            paused_for=stands.paused_for,
        )

    @activity.defn
    def count_messages(self, input: CampaignRef) -> Tally:
        """Count the messages of a campaign by state."""
        return self._campaigns.tally(input.campaign_id)

    @activity.defn
    def cancel_waiting(self, input: CampaignRef) -> Tally:
        """Cancel every waiting message and count; run again, it only counts."""
        cancelled = self._campaigns.cancel_rest(input.campaign_id, now())
        count_given_up(MessageStatus.CANCELLED, cancelled)
        return self._campaigns.tally(input.campaign_id)

    @activity.defn
    def settle_campaign(self, input: SettleInput) -> SettleResult:
        """Void the credits that were not used and write the end; run again, it only counts.

        The status is the store's: no end when a retry requeued messages meanwhile.
        """
        before = self._campaigns.tally(input.campaign_id)
        # A cancel that found nothing left to cancel changed nothing.
        expired = before.skipped > 0 and self._admissions.has_expired(input.campaign_id)
        end = end_of(before, input.cancelled and before.cancelled > 0, expired)
        status, tally = self._admissions.settle(input.campaign_id, end, now())
        return SettleResult(status=status, tally=tally)

    @activity.defn
    def report_problem(self, input: ReportProblemInput) -> None:
        """Write why a campaign needs a person, or that it does not any more."""
        self._campaigns.report_problem(input.campaign_id, input.problem, now())
