"""A stop holds campaigns without a step of theirs, and a start moves them by its length."""

import asyncio

import pytest

from campaign.instants import SECOND
from campaign.states import CampaignStatus
from service.campaigns import StateConflict
from tests.conftest import Story, finish
from tests.service.test_lost_workflows import PEOPLE, latest, reaches
from tests.service.test_orders import sends_nothing_more, sends_the_rest_once, under_way
from tests.workflows.steps import adds_no_history
from tests.workflows.test_campaign import handle_of

PAUSED = CampaignStatus.PAUSED


async def test_a_stop_holds_a_running_campaign_and_the_start_lets_it_go_on(
    real_story: Story,
) -> None:
    story = real_story
    campaign = await under_way(story)
    await story.service.stop(story.account.id)
    await sends_nothing_more(story, campaign.id)
    view = latest(story, campaign.id)
    assert (view.status, view.paused_by, view.problem) == (PAUSED, "system", "stopped")
    with pytest.raises(StateConflict) as conflict:
        await story.service.resume(view)
    assert conflict.value.code == "stopped"
    while latest(story, campaign.id).ordered is not None:
        await asyncio.sleep(0.1)
        await story.service.bring_orders_again()
    await adds_no_history(handle_of(story, campaign.id))
    assert await story.service.start(story.account.id) == []
    await reaches(story, campaign.id, CampaignStatus.RUNNING)
    assert latest(story, campaign.id).problem is None
    await sends_the_rest_once(story, campaign)


async def test_what_falls_due_under_a_stop_is_held_and_moves_by_what_it_missed(
    real_story: Story,
) -> None:
    story = real_story
    await story.service.stop(None, by_operator=True)
    start = await story.now() + SECOND
    campaign = (await story.service.admit(story.draft(PEOPLE, scheduled_at=start))).campaign
    view = await reaches(story, campaign.id, PAUSED)
    assert (view.paused_by, view.problem, view.tally.queued) == ("system", "stopped", PEOPLE)
    assert story.carrier.log == []
    await adds_no_history(handle_of(story, campaign.id))
    ended = await story.now()
    assert await story.service.start(None, by_operator=True) == []
    async with asyncio.timeout(30):
        assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    messages = story.store.campaigns.messages(campaign.id)
    assert len(story.carrier.log) == len(messages) == PEOPLE
    # As after a pause: nothing of it counts as overdue, but for what it was late when held.
    # Its workflow had paused before the two seconds in which it added no history.
    late = max(SECOND, ended - 2 * SECOND - start)
    assert all(message.due_at >= ended - late for message in messages)
