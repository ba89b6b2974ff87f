"""Another window or expiry for a campaign that runs: the rest keeps to it, and books balance."""

import asyncio
from datetime import timedelta

from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant, instant_of, moment_of
from campaign.limits_changes import LimitsChange
from campaign.schedule import ideal_instants
from campaign.sending_windows import Window, make_window, stored_window
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView
from service.changes import Change
from store.campaigns.audit import audit
from tests.conftest import Story, finish, reach
from tests.workflows.test_campaign import until
from tests.workflows.test_plan_changes import dues, is_on_plan

GAP = 15 * MINUTE
COUNT = 12
SPREAD_HOURS = COUNT * GAP / HOUR


def window(since: str, to: str) -> Window:
    made, _, fault = make_window(since, to, time_zone="UTC")
    assert made is not None, fault
    return made


async def nine_o_clock(story: Story) -> Instant:
    """09:00 in UTC, more than a day ahead."""
    day = moment_of(await story.now()) + timedelta(days=2)
    return instant_of(day.replace(hour=9, minute=0, second=0, microsecond=0))


async def running(
    story: Story, start: Instant, hours: Window | None = None, expires_at: Instant | None = None
) -> CampaignView:
    """A campaign with a message in every quarter of an hour, five minutes after its fifth one."""
    draft = story.draft(
        COUNT,
        scheduled_at=start,
        spread_hours=SPREAD_HOURS,
        window=hours,
        expires_at=expires_at,
    )
    campaign = (await story.service.admit(draft)).campaign
    await reach(story, campaign.id, start + HOUR + 5 * MINUTE)
    await until(story, campaign.id, lambda view: view.tally.sent == 5)
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and view.status is CampaignStatus.RUNNING
    return view


async def limit(story: Story, view: CampaignView, limits: LimitsChange) -> None:
    await story.service.change(view, Change(limits=limits))


def within(hours: Window) -> LimitsChange:
    return LimitsChange(has_window=True, window=stored_window(hours))


def until_expiry(at: Instant | None) -> LimitsChange:
    return LimitsChange(has_expiry=True, expires_at=at)


def check_ledger(story: Story, campaign_id: str, sent: int, count: int = COUNT) -> None:
    """See that each message is sent once and paid for, or skipped as expired and free."""
    report = story.store.campaigns.report(campaign_id)
    assert report.reasons == ({("skipped", "expired"): count - sent} if sent < count else {})
    credits = (report.held.sms, report.posted.sms, report.voided.sms)
    assert credits == (0, 2 * sent, 2 * (count - sent))
    assert len({row["reference"] for row in story.carrier.log}) == len(story.carrier.log) == sent
    assert audit(story.store.database).findings == ()


async def test_what_is_left_of_a_running_campaign_leaves_in_the_new_hours(story: Story) -> None:
    start = await nine_o_clock(story)
    view = await running(story, start, window("09:00", "20:00"))
    await limit(story, view, within(window("12:00", "13:00")))
    assert await finish(story, view.id) is CampaignStatus.FINISHED
    noon = start + 3 * HOUR
    moved = dues(story, view.id)[5:]
    # Ten minutes of open time were left until the sixth message, less what the clock went on since.
    left = moved[0] - noon
    assert 9 * MINUTE < left <= 10 * MINUTE
    # One hour of each day is open.
    open_times = [left + GAP * number for number in range(COUNT - 5)]
    assert moved == [noon + at // HOUR * DAY + at % HOUR for at in open_times]
    assert is_on_plan(story, view.id, [*(start + GAP * n for n in range(5)), *moved])
    assert {moment_of(at).hour for at in story.sent_at(view.id)[5:]} == {12}
    check_ledger(story, view.id, COUNT)


async def test_what_is_past_the_new_expiry_of_a_running_campaign_is_skipped(story: Story) -> None:
    start = await nine_o_clock(story)
    view = await running(story, start)
    expires_at = start + 2 * HOUR + 5 * MINUTE
    await limit(story, view, until_expiry(expires_at))
    assert await finish(story, view.id) is CampaignStatus.FINISHED
    assert max(story.sent_at(view.id)) < expires_at
    states = [message.status for message in story.store.campaigns.messages(view.id, limit=100)]
    assert states == [MessageStatus.SENT] * 9 + [MessageStatus.SKIPPED] * (COUNT - 9)
    check_ledger(story, view.id, 9)


async def test_without_its_expiry_the_rest_of_a_running_campaign_leaves(story: Story) -> None:
    start = await nine_o_clock(story)
    view = await running(story, start, expires_at=start + 2 * HOUR + 5 * MINUTE)
    await limit(story, view, until_expiry(None))
    assert await finish(story, view.id) is CampaignStatus.FINISHED
    assert is_on_plan(story, view.id, ideal_instants(start, SPREAD_HOURS, COUNT))
    check_ledger(story, view.id, COUNT)


async def test_a_chunk_that_is_being_sent_obeys_other_hours_and_an_expiry_at_once(
    real_story: Story,
) -> None:
    story, count = real_story, 60
    draft = story.draft(count, spread_hours=12 * SECOND / HOUR)
    campaign = (await story.service.admit(draft)).campaign
    await until(story, campaign.id, lambda view: view.tally.sent >= 10)
    far = (moment_of(await story.now()).hour + 12) % 24
    await limit(story, campaign, within(window(f"{far:02}:00", f"{far:02}:59")))
    closed_at = await story.now()
    await asyncio.sleep(2)
    assert max(story.sent_at(campaign.id)) <= closed_at + SECOND
    expires_at = await story.now() + 4 * SECOND
    await limit(story, campaign, LimitsChange(True, None, True, expires_at))
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    sent = story.sent_at(campaign.id)
    assert 10 < len(sent) < count and max(sent) <= expires_at + SECOND
    check_ledger(story, campaign.id, len(sent), count)
