"""A canary goes first and decides about the others; a brake stops a campaign while it runs."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from temporalio.testing import WorkflowEnvironment

from campaign.activity import ActivityFilter
from campaign.canary import Brake, Canary, Maxima, Measure
from campaign.handoffs import Receipt
from campaign.instants import HOUR, SECOND
from campaign.model import Draft, DraftRecipient
from campaign.rates import sender_scope
from campaign.settings import Settings
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store
from tests.conftest import LONG_CODE, Served, Story, finish, reach, tell

FIVE_PERCENT: Maxima = {Measure.FAILURES: 0.05}
WAIT_SECONDS = 120
CANARY = Canary(20, WAIT_SECONDS, FIVE_PERCENT)
AREAS = (212, 213, 305, 310, 312, 404, 415, 617, 646, 702)


def draft(story: Story, count: int, refused: int = 0, at: int = 0, **members: object) -> Draft:
    """A draft whose carrier refuses some messages, from the position ``at`` on."""
    numbers = [f"+1415555{1_000 + index:04d}" for index in range(count - refused)]
    numbers[at:at] = [f"+1{area}5550001" for area in AREAS[:refused]]
    recipients = [DraftRecipient(to=to, text=f"Order {to} has shipped") for to in numbers]
    return replace(story.draft(0, recipients=recipients), **members)  # type: ignore[arg-type]


async def view_when(
    story: Story, campaign_id: str, wanted: Callable[[CampaignView], bool]
) -> CampaignView:
    """The campaign when ``wanted`` becomes true, within two hours."""
    ends_at = await story.now() + 2 * HOUR
    while True:
        view = story.store.campaigns.get(campaign_id)
        assert view is not None
        if wanted(view):
            return view
        assert await story.now() < ends_at, view
        if story.environment.supports_time_skipping:
            await reach(story, campaign_id, await story.now() + SECOND)
        await asyncio.sleep(0.05)


async def canary_left(story: Story, campaign_id: str) -> CampaignView:
    """The campaign when its canary waits for receipts."""
    return await view_when(story, campaign_id, lambda view: view.tally.sent == 20)


async def report(story: Story, campaign_id: str, undelivered: Sequence[int] = ()) -> None:
    """Bring the receipts of all that was sent, in its order."""
    now = await story.now()
    for message in story.store.campaigns.messages(campaign_id, limit=1_000):
        if message.status is MessageStatus.SENT:
            bad = message.position in undelivered
            status = MessageStatus.UNDELIVERED if bad else MessageStatus.DELIVERED
            assert story.store.receipts.apply([Receipt(message.id, status, now)], now) == 1


async def paused(story: Story, campaign_id: str) -> CampaignView:
    """The campaign when it is paused, and its workflow has done so."""
    return await view_when(
        story,
        campaign_id,
        lambda view: view.status is CampaignStatus.PAUSED and view.ordered is None,
    )


async def test_a_canary_of_20_whose_numbers_fail_pauses_before_the_rest_leaves(
    story: Story,
) -> None:
    campaign = (await story.service.admit(draft(story, 60, 10, canary=CANARY))).campaign
    view = await paused(story, campaign.id)
    assert (view.paused_by, view.problem) == ("system", "canary_failures")
    assert view.canary_decision == "stop"
    reason = view.pause_reason
    assert reason is not None
    assert (reason.guard, reason.rate_max) == ("canary", 0.05)
    assert reason.detail.startswith("its canary stopped it: ")
    assert view.tally.failed <= 10
    assert view.tally.queued >= 40
    assert len(story.carrier.log) <= 10
    (activity,) = story.store.activities.list(
        story.account.id, ActivityFilter(action="campaign.paused")
    )
    assert activity.actor.kind == "system"
    assert activity.after == {
        "status": "paused",
        "ordered": "pause",
        "problem": "canary_failures",
    }

    await story.service.resume(view)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED_WITH_FAILURES
    ended = story.store.campaigns.get(campaign.id)
    assert ended is not None
    assert (ended.tally.sent, ended.tally.failed) == (50, 10)
    assert audit(story.store.database).findings == ()


async def test_a_good_canary_goes_on_by_itself_and_the_others_are_spread_from_then_on(
    story: Story,
) -> None:
    planned = draft(story, 60, canary=CANARY, spread_hours=0.1)
    campaign = (await story.service.admit(planned)).campaign
    began = await story.now()
    await canary_left(story, campaign.id)
    await report(story, campaign.id)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    sent = story.sent_at(campaign.id)
    assert max(sent[:20]) <= began + 10 * SECOND
    rest = sent[20:]
    # It did not wait to the end, and the rest is as even as planned.
    assert max(sent[:20]) < rest[0] < began + WAIT_SECONDS * SECOND
    gap = 0.1 * HOUR / 40
    for position, at in enumerate(rest):
        assert abs(at - rest[0] - position * gap) <= 2 * SECOND
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and view.canary_decision == "go"


async def test_a_canary_without_receipts_waits_to_its_end_and_undelivered_ones_pause_it(
    story: Story,
) -> None:
    campaign = (await story.service.admit(draft(story, 60, canary=CANARY))).campaign
    await canary_left(story, campaign.id)
    await report(story, campaign.id, undelivered=(1, 4, 9, 16))
    view = await paused(story, campaign.id)
    assert view.pause_reason is not None
    assert (view.pause_reason.bad, view.pause_reason.outcomes) == (4, 20)
    assert view.tally.queued == 40

    other = (await story.service.admit(draft(story, 60, canary=CANARY))).campaign
    assert await finish(story, other.id) is CampaignStatus.FINISHED
    sent = story.sent_at(other.id)
    waited = sent[20] - max(sent[:20])
    assert WAIT_SECONDS * SECOND <= waited <= (WAIT_SECONDS + 5) * SECOND


async def test_a_canary_of_everybody_is_decided_before_the_campaign_ends(story: Story) -> None:
    canary = Canary(20, WAIT_SECONDS, FIVE_PERCENT)
    campaign = (await story.service.admit(draft(story, 20, canary=canary))).campaign
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and view.canary_decision == "go"


async def test_a_worker_that_dies_in_the_wait_is_followed_by_another(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
) -> None:
    async with tell(real, settings, store, account, carrier_server) as story:
        campaign = (await story.service.admit(draft(story, 60, canary=CANARY))).campaign
        await canary_left(story, campaign.id)
    async with tell(real, settings, store, account, carrier_server) as story:
        await story.service.pause(await canary_left(story, campaign.id))
        view = await paused(story, campaign.id)
        assert view.pause_reason is None
        await report(story, campaign.id)
        assert store.campaigns.tally(campaign.id).queued == 40
        await story.service.resume(view)
        assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert len({row["reference"] for row in carrier_server.log}) == 60
    assert len(carrier_server.log) == 60


async def test_a_campaign_that_is_cancelled_while_its_canary_waits_sends_no_more(
    story: Story,
) -> None:
    campaign = (await story.service.admit(draft(story, 60, canary=CANARY))).campaign
    view = await canary_left(story, campaign.id)
    await story.service.cancel(view)
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED
    assert story.store.campaigns.tally(campaign.id).cancelled == 40
    assert len(story.carrier.log) == 20


async def test_a_brake_stops_a_running_campaign_and_starts_anew_when_it_is_resumed(
    real_story: Story,
) -> None:
    story = real_story
    # Without a rate all would leave before the first outcome.
    scope = sender_scope(story.account.id, LONG_CODE)
    story.store.rates.set_rate(scope, 10.0)
    planned = draft(story, 60, 10, 20, sender=LONG_CODE, brake=Brake(50, FIVE_PERCENT))
    campaign = (await story.service.admit(planned)).campaign
    view = await paused(story, campaign.id)
    assert (view.problem, view.paused_by) == ("brake_failures", "system")
    assert 6 <= view.tally.failed <= 10
    assert view.tally.queued >= 15
    story.store.rates.set_rate(scope, None)
    await story.service.resume(view)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED_WITH_FAILURES
    tally = story.store.campaigns.tally(campaign.id)
    assert (tally.sent, tally.failed) == (50, 10)
