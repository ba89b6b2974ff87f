"""How a campaign ends, told by its counts."""

from campaign.ports import Tally
from campaign.states import CampaignStatus


def end_of(tally: Tally, cancelled: bool) -> CampaignStatus:
    """The final status: cancelled when it was, else finished with or without failures.

    A message that failed, was not delivered, or may or may not have been sent is a failure to
    the operator; one that was skipped is not.
    """
    if cancelled:
        return CampaignStatus.CANCELLED
    if tally.failed or tally.undelivered or tally.unknown:
        return CampaignStatus.FINISHED_WITH_FAILURES
    return CampaignStatus.FINISHED
