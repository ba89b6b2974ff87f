"""Count, and cancel what is left."""

from dataclasses import asdict

from temporalio import activity

from activities.clock import now
from activities.records import CampaignRef, TallyRecord
from campaign.ports import CampaignStore


class Reporting:
    """Activities on the counts of a campaign."""

    def __init__(self, campaigns: CampaignStore) -> None:
        self._campaigns = campaigns

    @activity.defn
    def count(self, input: CampaignRef) -> TallyRecord:
        """Count the messages of a campaign by state."""
        return TallyRecord(**asdict(self._campaigns.tally(input.campaign_id)))

    @activity.defn
    def cancel_rest(self, input: CampaignRef) -> TallyRecord:
        """Cancel every waiting message and count; run again, it only counts."""
        self._campaigns.cancel_rest(input.campaign_id, now())
        return TallyRecord(**asdict(self._campaigns.tally(input.campaign_id)))
