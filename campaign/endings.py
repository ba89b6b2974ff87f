"""The final status of a campaign, from its counts."""

from campaign.ports import Tally
from campaign.states import CampaignStatus


def end_of(tally: Tally, cancelled: bool) -> CampaignStatus:
    """The final status: cancelled, finished, or finished with failures.

    Failed, undelivered and unknown messages count as failures; skipped ones do not.
    """
    if cancelled:
        return CampaignStatus.CANCELLED
    if tally.failed or tally.undelivered or tally.unknown:
        return CampaignStatus.FINISHED_WITH_FAILURES
    return CampaignStatus.FINISHED
