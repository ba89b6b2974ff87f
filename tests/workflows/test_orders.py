"""A campaign follows the store: old signals change nothing, the newest order holds."""

import asyncio
from collections.abc import Callable

import pytest

from activities.attempts import Attempts, SendingLimits
from activities.breaker import Breaker
from activities.carriers import Carriers
from campaign.handoffs import Acceptance, Handoff, Repeats
from campaign.instants import DAY
from campaign.orders import Order
from campaign.ports import ChunkRange
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView
from service.campaign_workflows import CampaignWorkflows
from service.campaigns import CampaignService
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store
from tests.conftest import Story, finish
from tests.store.builders import NOW, StoreBuilder
from tests.workflows.steps import hold_claims
from tests.workflows.test_campaign import handle_of, is_paused, until
from workflows.campaign import CampaignWorkflow
from workflows.records import CampaignInput, CampaignState, OrderInput

LIMITS = SendingLimits(window=1, timeout_seconds=1.0, backoff_seconds=(), unknown_tries=3)


def stands(status: CampaignStatus) -> Callable[[CampaignView], bool]:
    """Whether a campaign stands so, and has carried out every order."""
    return lambda view: view.status is status and view.ordered is None


@pytest.mark.one_store
async def test_a_signal_that_a_newer_order_has_replaced_changes_nothing(real_story: Story) -> None:
    story = real_story
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(3, scheduled_at=start))).campaign
    handle = handle_of(story, campaign.id)
    await story.service.pause(campaign)
    await until(story, campaign.id, is_paused)
    newest = story.store.orders.standing(campaign.id).number
    for number in (newest - 1, newest):
        await handle.signal(CampaignWorkflow.resume, OrderInput(number=number))
    await asyncio.sleep(0.5)
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and is_paused(view)
    await story.service.resume(view)
    await until(story, campaign.id, stands(CampaignStatus.SCHEDULED))
    await handle.signal(CampaignWorkflow.pause, OrderInput(number=newest))
    await handle.signal(CampaignWorkflow.cancel, OrderInput(number=newest))
    await asyncio.sleep(0.5)
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and view.status is CampaignStatus.SCHEDULED
    await story.service.cancel(view)
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("last", "status"),
    [
        (CampaignService.pause, CampaignStatus.PAUSED),
        (CampaignService.resume, CampaignStatus.SCHEDULED),
    ],
)
async def test_of_many_orders_in_a_row_the_last_one_holds(
    real_story: Story,
    last: Callable[[CampaignService, CampaignView], object],
    status: CampaignStatus,
) -> None:
    story = real_story
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(3, scheduled_at=start))).campaign
    for _ in range(5):
        await story.service.pause(campaign)
        await story.service.resume(campaign)
    await last(story.service, campaign)  # type: ignore[misc]
    await until(story, campaign.id, stands(status))
    await asyncio.sleep(0.5)
    view = story.store.campaigns.get(campaign.id)
    assert view is not None and stands(status)(view)
    dues = {message.due_at for message in story.store.campaigns.messages(campaign.id)}
    assert dues == {start}
    await story.service.cancel(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED
    assert audit(story.store.database).findings == ()


@pytest.mark.one_store
async def test_a_person_still_pauses_and_resumes_with_a_signal_of_temporals_own(
    real_story: Story,
) -> None:
    story = real_story
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(3, scheduled_at=start))).campaign
    handle = handle_of(story, campaign.id)
    await handle.signal(CampaignWorkflow.pause)
    await until(story, campaign.id, is_paused)
    await handle.signal(CampaignWorkflow.resume)
    await until(story, campaign.id, stands(CampaignStatus.SCHEDULED))
    await handle.signal(CampaignWorkflow.cancel)
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED


@pytest.mark.one_store
async def test_a_run_follows_a_store_that_has_ended_the_campaign(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    released = hold_claims(monkeypatch, story.store)
    campaign = (await story.service.admit(story.draft(3))).campaign
    story.store.database.write(
        lambda connection: connection.exec_driver_sql("UPDATE campaign SET status = 'cancelled'")
    )
    released.set()
    async with asyncio.timeout(30):
        assert await finish(story, campaign.id) is CampaignStatus.CANCELLED
    assert story.carrier.log == []


def test_what_a_run_knows_of_orders_goes_on_with_the_next_run() -> None:
    state = CampaignState(order=7)
    input = CampaignInput(campaign_id="cmp", title="t", total=1, dialect="native", state=state)
    read = CampaignInput.model_validate_json(input.model_dump_json()).state
    assert read is not None and read.order == 7
    # An earlier version wrote a state without it.
    old = input.model_dump_json().replace('"order":7', '"unheard_of":7')
    read = CampaignInput.model_validate_json(old).state
    assert read is not None and read.order == 0


class Asked:
    """A carrier that knows its references, and counts what it is asked."""

    name, repeats = "pretend", Repeats.DEDUP

    def __init__(self) -> None:
        self.sends = 0

    async def send(self, handoff: Handoff) -> Acceptance:
        """Take every message."""
        self.sends += 1
        return Acceptance("c-1")

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """Nobody asks."""
        raise AssertionError

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.one_store
@pytest.mark.parametrize("how", ["pause", "cancel", "account"])
async def test_a_repeat_waits_while_its_campaign_must_not_send_and_stays_sending(
    store: Store, account: AccountView, how: str
) -> None:
    builder = StoreBuilder(store, account.id)
    campaign = builder.admit(1)
    (handoff,) = builder.flush_and_claim(campaign).claimed
    carrier = Asked()
    attempts = Attempts(
        store=builder.store.sending,
        carriers=Carriers([carrier]),
        breaker=Breaker(builder.store.health),
        limits=LIMITS,
        range=ChunkRange(campaign, 0, 1, NOW),
        token="t",
        now=lambda: NOW,
        stop=asyncio.Event(),
    )
    if how == "account":
        builder.store.accounts.update(builder.account_id, active=False)
    else:
        builder.store.orders.give(campaign, Order(how), NOW)
    assert await attempts.resolve_unknown(handoff, "interrupted") is None
    assert carrier.sends == 0 and builder.statuses(campaign) == ["sending"]
    if how == "cancel":
        # What had left is found out by a chunk of the cancelled campaign, as after any stop.
        attempts.cancelled = True
        outcome = await attempts.resolve_unknown(handoff, "interrupted")
        assert outcome is not None and outcome.status is MessageStatus.UNKNOWN
        assert carrier.sends == 0
        return
    builder.execute("UPDATE account SET active = TRUE")
    number = builder.store.orders.give(campaign, Order.RESUME, NOW).number
    builder.store.campaigns.set_status(campaign, CampaignStatus.RUNNING, NOW, number)
    outcome = await attempts.resolve_unknown(handoff, "interrupted")
    assert outcome is not None and outcome.status is MessageStatus.SENT and carrier.sends == 1


@pytest.mark.one_store
async def test_an_order_that_is_brought_again_adds_nothing_to_the_history(
    real_story: Story,
) -> None:
    story = real_story
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(3, scheduled_at=start))).campaign
    workflows = CampaignWorkflows(story.client, story.settings)
    for _ in range(3):
        await workflows.signal(campaign.id, CampaignWorkflow.pause, OrderInput(number=5))
    await workflows.signal(campaign.id, CampaignWorkflow.cancel, OrderInput(number=6))
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED
    history = await handle_of(story, campaign.id).fetch_history()
    signals = [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert signals == ["pause", "cancel"]
