"""The final status of a campaign, from its counts."""

from campaign.ports import Tally
from campaign.states import CampaignStatus


def end_of(tally: Tally, cancelled: bool, expired: bool = False) -> CampaignStatus:
    """The final status: cancelled, expired, finished, or finished with failures.

    Failed, undelivered and unknown messages count as failures; skipped ones do not. A campaign is
    expired if messages were ``expired`` and nothing of it was sent.
    """
    if cancelled:
        return CampaignStatus.CANCELLED
    if expired and not (tally.sent or tally.delivered or tally.undelivered or tally.unknown):
        return CampaignStatus.EXPIRED
    if tally.failed or tally.undelivered or tally.unknown:
        return CampaignStatus.FINISHED_WITH_FAILURES
    return CampaignStatus.FINISHED
