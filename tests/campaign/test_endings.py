"""How a campaign ends."""

from dataclasses import replace

import pytest

from campaign.endings import end_of
from campaign.ports import Tally
from campaign.states import CAMPAIGN_ENDS, CampaignStatus

SENT = Tally(total=10, sent=4, delivered=6)


def test_a_campaign_whose_messages_all_went_is_finished() -> None:
    assert end_of(SENT, cancelled=False) is CampaignStatus.FINISHED


@pytest.mark.parametrize("state", ["failed", "undelivered", "unknown"])
def test_one_message_that_may_not_have_arrived_makes_an_end_with_failures(state: str) -> None:
    tally = replace(SENT, total=11, **{state: 1})
    assert end_of(tally, cancelled=False) is CampaignStatus.FINISHED_WITH_FAILURES


def test_a_skipped_message_is_no_failure() -> None:
    tally = replace(SENT, total=12, skipped=2)
    assert end_of(tally, cancelled=False) is CampaignStatus.FINISHED


def test_a_cancelled_campaign_is_cancelled_whatever_had_gone_or_failed() -> None:
    tally = Tally(total=3, sent=1, failed=1, cancelled=1)
    assert end_of(tally, cancelled=True) is CampaignStatus.CANCELLED


@pytest.mark.parametrize("cancelled", [True, False])
def test_every_ending_is_an_end(cancelled: bool) -> None:
    assert end_of(Tally(), cancelled) in CAMPAIGN_ENDS
