"""The states of campaigns; tests/core holds the moves of messages against theirs."""

from dataclasses import fields

import pytest

from campaign.ports import Tally
from campaign.states import CAMPAIGN_ENDS, CAMPAIGN_MOVES, CampaignStatus, MessageStatus


def test_the_ten_states_of_a_message_are_what_a_tally_counts() -> None:
    assert {field.name for field in fields(Tally)} == {*MessageStatus, "total"}
    assert len(MessageStatus) == 10


@pytest.mark.parametrize("status", CampaignStatus)
def test_an_end_of_a_campaign_has_no_moves_but_a_retry_and_every_other_state_has(
    status: CampaignStatus,
) -> None:
    moves = CAMPAIGN_MOVES.get(status, frozenset())
    if status is CampaignStatus.FINISHED_WITH_FAILURES:
        assert moves == {CampaignStatus.RUNNING}
    else:
        assert (status in CAMPAIGN_ENDS) == (not moves)


def test_a_campaign_is_refused_only_before_its_verdict() -> None:
    may_refuse = {status for status, to in CAMPAIGN_MOVES.items() if CampaignStatus.REFUSED in to}
    assert may_refuse == {CampaignStatus.DRAFT, CampaignStatus.PREPARING}


def test_a_running_campaign_and_a_paused_one_change_into_each_other() -> None:
    assert CampaignStatus.PAUSED in CAMPAIGN_MOVES[CampaignStatus.RUNNING]
    assert CampaignStatus.RUNNING in CAMPAIGN_MOVES[CampaignStatus.PAUSED]


@pytest.mark.parametrize("status", CampaignStatus)
def test_no_campaign_becomes_a_draft_again(status: CampaignStatus) -> None:
    assert CampaignStatus.DRAFT not in CAMPAIGN_MOVES.get(status, frozenset())
