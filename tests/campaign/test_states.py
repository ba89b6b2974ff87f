"""States only move forward."""

from dataclasses import fields

import pytest

from campaign.ports import Tally
from campaign.states import (
    CAMPAIGN_ENDS,
    CAMPAIGN_MOVES,
    GIVEN_UP,
    HANDED_OFF,
    MESSAGE_MOVES,
    WAITING,
    CampaignStatus,
    MessageStatus,
)


def reachable(status: MessageStatus) -> set[MessageStatus]:
    """Every state that a message can come to from here."""
    found: set[MessageStatus] = set()
    waiting = [status]
    while waiting:
        new = MESSAGE_MOVES.get(waiting.pop(), frozenset()) - found
        found |= new
        waiting += new
    return found


def test_the_ten_states_of_a_message_are_what_a_tally_counts() -> None:
    assert {field.name for field in fields(Tally)} == {*MessageStatus, "total"}
    assert len(MessageStatus) == 10


@pytest.mark.parametrize("status", MessageStatus)
def test_a_message_comes_back_to_a_state_only_by_being_tried_again(status: MessageStatus) -> None:
    again = status in reachable(status)
    open_ones = (MessageStatus.SENDING, MessageStatus.RETRYABLE, MessageStatus.UNKNOWN)
    retried = (MessageStatus.FAILED, MessageStatus.QUEUED)
    assert again == (status in open_ones + retried)


@pytest.mark.parametrize("status", GIVEN_UP)
def test_a_message_that_was_given_up_moves_again_only_when_it_failed_and_is_retried(
    status: MessageStatus,
) -> None:
    retried = {MessageStatus.QUEUED} if status is MessageStatus.FAILED else set()
    assert MESSAGE_MOVES.get(status, frozenset()) == retried


@pytest.mark.parametrize("status", HANDED_OFF)
def test_a_message_that_was_handed_off_stays_so_and_stays_paid(status: MessageStatus) -> None:
    assert reachable(status) <= set(HANDED_OFF)


@pytest.mark.parametrize("status", [MessageStatus.DELIVERED, MessageStatus.UNDELIVERED])
def test_the_first_receipt_is_the_last_word(status: MessageStatus) -> None:
    assert reachable(status) == set()


def test_a_message_in_doubt_is_never_queued_or_cancelled() -> None:
    moves = MESSAGE_MOVES[MessageStatus.UNKNOWN]
    assert moves.isdisjoint({MessageStatus.QUEUED, MessageStatus.CANCELLED})


def test_a_message_under_way_cannot_be_cancelled() -> None:
    assert MessageStatus.CANCELLED not in MESSAGE_MOVES[MessageStatus.SENDING]


def test_every_waiting_message_can_be_sent_skipped_or_cancelled() -> None:
    for status in WAITING:
        assert MESSAGE_MOVES[status] >= {
            MessageStatus.SENDING,
            MessageStatus.SKIPPED,
            MessageStatus.CANCELLED,
        }


def test_every_state_of_a_message_can_be_reached_from_the_first() -> None:
    assert reachable(MessageStatus.QUEUED) == set(MessageStatus)


@pytest.mark.parametrize("status", CampaignStatus)
def test_an_end_of_a_campaign_has_no_moves_but_a_retry_and_every_other_state_has(
    status: CampaignStatus,
) -> None:
    moves = CAMPAIGN_MOVES.get(status, frozenset())
    if status is CampaignStatus.FINISHED_WITH_FAILURES:
        assert moves == {CampaignStatus.RUNNING}
    else:
        assert (status in CAMPAIGN_ENDS) == (not moves)


def test_a_campaign_is_refused_only_while_it_is_a_draft() -> None:
    may_refuse = {status for status, to in CAMPAIGN_MOVES.items() if CampaignStatus.REFUSED in to}
    assert may_refuse == {CampaignStatus.DRAFT}


def test_a_running_campaign_and_a_paused_one_change_into_each_other() -> None:
    assert CampaignStatus.PAUSED in CAMPAIGN_MOVES[CampaignStatus.RUNNING]
    assert CampaignStatus.RUNNING in CAMPAIGN_MOVES[CampaignStatus.PAUSED]


@pytest.mark.parametrize("status", CampaignStatus)
def test_no_campaign_becomes_a_draft_again(status: CampaignStatus) -> None:
    assert CampaignStatus.DRAFT not in CAMPAIGN_MOVES.get(status, frozenset())
