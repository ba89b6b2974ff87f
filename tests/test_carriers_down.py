"""A carrier that is down, and another one beside it: found out, spared, and never sent to twice."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.breaker import FAILURES_ON_END
from campaign.handoffs import Repeats
from campaign.model import DraftRecipient
from campaign.settings import Settings
from campaign.states import CampaignStatus
from carriers.pretend import PretendCarrier, PretendSettings
from service.campaign_workflows import workflow_id
from service.campaigns import CampaignService
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store, open_store
from tests.conftest import Served, Story, finish, serve_carrier
from tests.test_faults import Weather, serve_storm
from worker import build_worker
from workflows.campaign import CampaignWorkflow
from workflows.records import Progress

PEOPLE = 300
OUTAGE_SECONDS = 8
UNANSWERED = ("0003", "0004")


class Clock(Weather):
    """Weather by the clock on the wall; it also keeps when it was asked in vain."""

    def __init__(self) -> None:
        super().__init__()
        self.in_vain: list[float] = []

    @property  # type: ignore[override]
    def now(self) -> float:
        if time.time() < self.until:
            self.in_vain.append(time.time())
        return time.time()

    @now.setter
    def now(self, value: float) -> None:
        pass


@asynccontextmanager
async def signed_event(
    real: WorkflowEnvironment,
    settings: Settings,
    account: AccountView,
    **carriers: Served,
) -> AsyncIterator[Story]:
    """A story with these carriers, in this order."""
    settings = settings.model_copy(update={"carrier": ",".join(carriers)})
    async with AsyncExitStack() as opened:
        store = open_store(settings)
        opened.callback(store.close)
        made = []
        for name, served in carriers.items():
            where = PretendSettings(base_url=served.base_url, repeats=served.exchange.repeats)
            carrier = PretendCarrier(where, settings.send_timeout_seconds)
            carrier.name = name
            opened.push_async_callback(carrier.close)
            made.append(carrier)
        await opened.enter_async_context(build_worker(real.client, settings, store, *made))
        service = CampaignService(real.client, store, settings)
        first = next(iter(carriers.values()))
        yield Story(service, store, account, first, real.client, settings, real)


def people(numbers: list[str]) -> list[DraftRecipient]:
    return [DraftRecipient(to=number, text="We open at nine") for number in numbers]


async def progress(story: Story, campaign_id: str) -> Progress:
    handle = story.client.get_workflow_handle_for(CampaignWorkflow.run, workflow_id(campaign_id))
    return await handle.query(CampaignWorkflow.progress)


async def test_an_outage_is_waited_out_with_a_probe_a_second_and_told(
    real: WorkflowEnvironment, settings: Settings, store: Store, account: AccountView
) -> None:
    clock = Clock()
    clock.status, clock.until = 503, int(time.time()) + 3_600
    async with (
        serve_storm(clock) as served,
        signed_event(real, settings, account, pretend=served) as it,
    ):
        campaign = (await it.service.admit(it.draft(PEOPLE))).campaign
        while (await progress(it, campaign.id)).carrier_down != "pretend":
            await asyncio.sleep(0.1)
        # The outage ends only after it was noticed.
        clock.until = int(time.time()) + OUTAGE_SECONDS
        assert await finish(it, campaign.id) is CampaignStatus.FINISHED
        assert (await progress(it, campaign.id)).carrier_down is None
        assert [state.down_since for state in store.health.list()] == [None]
    assert len({row["reference"] for row in served.log}) == len(served.log) == PEOPLE
    # At first a window is under way; from then on one message a second tries.
    later = [at for at in clock.in_vain if at > clock.in_vain[0] + 2]
    assert later, "nobody looked whether the carrier was back"
    assert all(count <= 2 for count in Counter(map(int, later)).values())
    assert audit(store.database).findings == ()


async def test_an_outage_uses_up_no_message(
    real: WorkflowEnvironment, settings: Settings, store: Store, account: AccountView
) -> None:
    clock = Clock()
    clock.status, clock.until = 503, int(time.time()) + OUTAGE_SECONDS
    settings.retry_backoff_seconds = (0.1,)
    async with (
        serve_storm(clock) as served,
        signed_event(real, settings, account, pretend=served) as it,
    ):
        campaign = (await it.service.admit(it.draft(FAILURES_ON_END * 3))).campaign
        assert await finish(it, campaign.id) is CampaignStatus.FINISHED
        assert it.store.campaigns.tally(campaign.id).failed == 0


@pytest.mark.parametrize("status", [503, 422])
async def test_after_a_definite_no_the_next_carrier_sends_and_no_number_gets_two(
    real: WorkflowEnvironment, settings: Settings, store: Store, account: AccountView, status: int
) -> None:
    clock = Clock()
    clock.status, clock.until = status, int(time.time()) + 3_600
    async with (
        serve_storm(clock) as first,
        serve_carrier() as second,
        signed_event(real, settings, account, pretend=first, second=second) as it,
    ):
        campaign = (await it.service.admit(it.draft(PEOPLE))).campaign
        assert await finish(it, campaign.id) is CampaignStatus.FINISHED
    assert first.log == []
    assert len({row["to"] for row in second.log}) == len(second.log) == PEOPLE
    assert audit(store.database).findings == ()


async def test_what_the_first_carrier_may_have_never_goes_to_the_second(
    real: WorkflowEnvironment, settings: Settings, store: Store, account: AccountView
) -> None:
    # Half of it is for the connection: a message that got none in time may go to the second.
    settings.send_timeout_seconds = 8.0
    async with (
        serve_carrier(Repeats.NONE) as first,
        serve_carrier() as second,
        signed_event(real, settings, account, pretend=first, second=second) as it,
    ):
        # The first takes these and cuts the connection, or says nothing.
        numbers = [f"+1{212 + index}555{ending}" for index in range(5) for ending in UNANSWERED]
        campaign = (await it.service.admit(it.draft(0, recipients=people(numbers)))).campaign
        await finish(it, campaign.id)
        assert it.store.campaigns.tally(campaign.id).unknown == 10
    assert len(first.log) == 10 and second.log == []
    assert audit(store.database).findings == ()


async def test_a_number_that_a_carrier_calls_invalid_is_not_tried_elsewhere(
    real: WorkflowEnvironment, settings: Settings, store: Store, account: AccountView
) -> None:
    async with (
        serve_carrier() as first,
        serve_carrier() as second,
        signed_event(real, settings, account, pretend=first, second=second) as it,
    ):
        draft = it.draft(0, recipients=people(["+14155550001"]))
        campaign = (await it.service.admit(draft)).campaign
        await finish(it, campaign.id)
        assert it.store.campaigns.tally(campaign.id).failed == 1
    assert first.log == second.log == []
