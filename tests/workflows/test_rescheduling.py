"""Another start for a campaign that waits: moved whole, moved back, refused once it has begun."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from campaign.instants import DAY, HOUR, MINUTE, SECOND
from campaign.ports import WaveRow
from campaign.refusals import RefusalCode, Refused
from campaign.states import CampaignStatus
from starter.desk import NotPossible
from store.audit import audit
from tests.conftest import Story, finish, reach
from tests.workflows.test_campaign import is_paused, until


async def test_a_plan_moves_whole_to_later_and_to_sooner(story: Story) -> None:
    start = await story.now() + 2 * DAY
    draft = story.draft(20)
    own = [replace(one, scheduled_at=start + HOUR) for one in draft.recipients[10:]]
    draft = replace(draft, recipients=[*draft.recipients[:10], *own], scheduled_at=start)
    campaign = (await story.desk.admit(draft)).campaign
    assert await story.desk.reschedule(campaign, start + 5 * DAY) == start + 5 * DAY
    assert await story.desk.reschedule(campaign, start - DAY) == start - DAY
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and view.scheduled_at == start - DAY
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    sent = sorted(story.sent_at(campaign.id))
    assert start - DAY <= sent[0] and sent[9] < start - DAY + MINUTE
    assert start - DAY + HOUR <= sent[10] and sent[19] < start - DAY + HOUR + MINUTE
    assert len({row["reference"] for row in story.carrier.log}) == len(story.carrier.log) == 20
    assert audit(story.store.database).findings == ()


async def test_a_plan_that_moves_while_it_is_looked_up_is_looked_up_again(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, moved = threading.Event(), threading.Event()
    waiting_rows = story.store.admissions.waiting_rows

    def slow(campaign_id: str, limit: int) -> Sequence[WaveRow]:
        rows = waiting_rows(campaign_id, limit)
        looked.set()
        assert moved.wait(60)
        return rows

    monkeypatch.setattr(story.store.admissions, "waiting_rows", slow)
    start = await story.now() + 2 * DAY
    campaign = (await story.desk.admit(story.draft(10, scheduled_at=start))).campaign
    try:
        assert await asyncio.to_thread(looked.wait, 60)
        assert await story.desk.reschedule(campaign, start - DAY) == start - DAY
    finally:
        moved.set()
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert all(start - DAY <= at < start - DAY + MINUTE for at in story.sent_at(campaign.id))


async def test_a_start_less_than_an_hour_ago_means_now(story: Story) -> None:
    now = await story.now()
    campaign = (await story.desk.admit(story.draft(10, scheduled_at=now + DAY))).campaign
    begins = await story.desk.reschedule(campaign, now - 30 * MINUTE)
    assert now <= begins < now + MINUTE
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert max(story.sent_at(campaign.id)) < now + HOUR


@pytest.mark.parametrize("off", [-HOUR, -DAY, 36 * DAY])
async def test_a_start_outside_the_window_is_refused_and_nothing_moves(
    story: Story, off: int
) -> None:
    now = await story.now()
    campaign = (await story.desk.admit(story.draft(10, scheduled_at=now + DAY))).campaign
    with pytest.raises(Refused) as refused:
        await story.desk.reschedule(campaign, now + off)
    (refusal,) = refused.value.refusals
    assert refusal.code is RefusalCode.SCHEDULE_INVALID and refusal.place == "scheduleDateTime"
    await finish(story, campaign.id)
    assert all(now + DAY <= at < now + DAY + MINUTE for at in story.sent_at(campaign.id))


async def test_a_campaign_that_has_begun_or_ended_keeps_its_plan(story: Story) -> None:
    start = await story.now() + DAY
    draft = story.draft(60, scheduled_at=start, spread_hours=1.0)
    campaign = (await story.desk.admit(draft)).campaign
    await reach(story, campaign.id, start + 30 * MINUTE + 5 * SECOND)
    with pytest.raises(NotPossible):
        await story.desk.reschedule(campaign, start + DAY)
    await finish(story, campaign.id)
    with pytest.raises(NotPossible):
        await story.desk.reschedule(campaign, start + DAY)
    sent = story.sent_at(campaign.id)
    assert len(sent) == len(story.carrier.log) == 60
    assert max(sent) < start + HOUR + MINUTE


async def test_a_paused_campaign_is_moved_and_still_waits_for_its_resume(story: Story) -> None:
    start = await story.now() + DAY
    campaign = (await story.desk.admit(story.draft(10, scheduled_at=start))).campaign
    await story.desk.pause(campaign)
    await until(story, campaign.id, is_paused)
    await story.desk.reschedule(campaign, start + DAY)
    await reach(story, campaign.id, start + 3 * DAY)
    assert story.carrier.log == []
    await story.desk.resume(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert all(start + 3 * DAY <= at for at in story.sent_at(campaign.id))


async def test_moves_at_once_are_one_after_the_other_or_refused(real_story: Story) -> None:
    story = real_story
    start = await story.now() + DAY
    campaign = (await story.desk.admit(story.draft(10, scheduled_at=start))).campaign
    soon = await story.now() + 5 * SECOND
    wanted = [soon + number * 100 for number in range(8)]
    said = await asyncio.gather(
        *(story.desk.reschedule(campaign, at) for at in wanted), return_exceptions=True
    )
    assert any(isinstance(one, int) for one in said)
    assert all(isinstance(one, int | NotPossible) for one in said)
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and view.scheduled_at in wanted
    await finish(story, campaign.id)
    assert all(0 <= at - view.scheduled_at < MINUTE for at in story.sent_at(campaign.id))
    assert len(story.carrier.log) == 10
