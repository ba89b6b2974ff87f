"""An open campaign whose workflow is gone is found, revived paused, and takes every order."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from unittest.mock import AsyncMock

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from campaign.failures import ServiceUnavailable
from campaign.instants import HOUR, MINUTE, SECOND
from campaign.settings import Settings
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from campaign.views import CampaignView
from service.campaign_workflows import workflow_id
from service.campaigns import CampaignService, StateConflict
from service.changes import Change
from service.temporal import register_search_attributes
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store
from tests.conftest import Served, Story, binary, finish, tell, unlisted

PEOPLE = 12
SETTLED_SECONDS = 20.0
DELETED_SECONDS = 150.0
Order = Callable[[CampaignService, CampaignView], Awaitable[object]]


def latest(story: Story, campaign_id: str) -> CampaignView:
    view = story.store.campaigns.get(campaign_id)
    assert view is not None
    return view


async def reaches(story: Story, campaign_id: str, *statuses: CampaignStatus) -> CampaignView:
    async with asyncio.timeout(SETTLED_SECONDS):
        while latest(story, campaign_id).status not in statuses:
            await asyncio.sleep(0.02)
    return latest(story, campaign_id)


async def scheduled(story: Story, first: int = 1_000) -> str:
    start = await story.now() + HOUR
    draft = story.draft(PEOPLE, first, scheduled_at=start)
    return (await story.service.admit(draft)).campaign.id


async def running(story: Story, first: int = 3_000) -> str:
    """A campaign of which one message left and the rest waits for an hour."""
    start = await story.now() + HOUR
    draft = story.draft(PEOPLE, first)
    rest = [replace(recipient, scheduled_at=start) for recipient in draft.recipients[1:]]
    mixed = replace(draft, recipients=[draft.recipients[0], *rest])
    campaign_id = (await story.service.admit(mixed)).campaign.id
    async with asyncio.timeout(SETTLED_SECONDS):
        while not latest(story, campaign_id).tally.sent:
            await asyncio.sleep(0.02)
    return campaign_id


async def paused(story: Story) -> str:
    """The same, paused by a person."""
    campaign_id = await running(story)
    await story.service.pause(latest(story, campaign_id))
    return (await reaches(story, campaign_id, CampaignStatus.PAUSED)).id


async def terminate(story: Story, campaign_id: str) -> None:
    """End the workflow from outside; returns once Temporal's visibility lists it no longer."""
    await story.client.get_workflow_handle(workflow_id(campaign_id)).terminate("by hand")
    await unlisted(story, campaign_id)


async def delete(story: Story, campaign_id: str) -> None:
    """Delete the last run, as the end of its retention does; returns once Temporal knows none."""
    handle = story.client.get_workflow_handle(workflow_id(campaign_id))
    run = WorkflowExecution(
        workflow_id=workflow_id(campaign_id), run_id=(await handle.describe()).run_id
    )
    await story.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(namespace=story.client.namespace, workflow_execution=run)
    )
    # The server deletes a run once its other tasks of that run are done, which takes its time.
    with contextlib.suppress(RPCError):
        async with asyncio.timeout(DELETED_SECONDS):
            while await handle.describe():
                await asyncio.sleep(0.2)


def sent_of(story: Story, campaign_id: str) -> int:
    ids = {message.id for message in story.store.campaigns.messages(campaign_id)}
    return sum(row["reference"] in ids for row in story.carrier.log)


MAKERS = {"scheduled": scheduled, "running": running, "paused": paused}


@pytest.mark.parametrize(
    ("kind", "deleted"),
    [("scheduled", False), ("running", False), ("paused", False), ("paused", True)],
    ids=["scheduled", "running", "paused", "paused-deleted"],
)
async def test_a_lost_campaign_is_found_comes_back_paused_and_waits_for_a_person(
    real_story: Story, kind: str, deleted: bool
) -> None:
    story = real_story
    campaign_id = await MAKERS[kind](story)
    assert await story.service.lost.find() == []
    await terminate(story, campaign_id)
    if deleted:
        await delete(story, campaign_id)
    assert await story.service.lost.find() == [campaign_id]
    assert await story.service.lost.find(campaign_id) == [campaign_id]
    sent = sent_of(story, campaign_id)
    assert await story.service.lost.revive_all() == [campaign_id]
    assert await story.service.lost.revive_all() == []
    view = latest(story, campaign_id)
    # A person's pause stays a person's.
    by = "person" if kind == "paused" else "system"
    assert (view.status, view.paused_by) == (CampaignStatus.PAUSED, by)
    assert view.problem == "workflow_lost" and view.paused_at is not None
    await asyncio.sleep(0.5)
    assert sent_of(story, campaign_id) == sent
    await story.service.resume(view)
    expected = CampaignStatus.SCHEDULED if kind == "scheduled" else CampaignStatus.RUNNING
    view = await reaches(story, campaign_id, expected, *CAMPAIGN_ENDS)
    assert (view.paused_at, view.paused_by, view.problem) == (None, None, None)
    await story.service.cancel(view)
    await finish(story, campaign_id)
    assert latest(story, campaign_id).status in CAMPAIGN_ENDS
    references = [row["reference"] for row in story.carrier.log]
    assert len(references) == len(set(references))
    assert audit(story.store.database).findings == ()


@pytest.mark.parametrize("kind", MAKERS)
async def test_a_lost_campaign_is_cancelled_and_its_credits_come_back(
    real_story: Story, kind: str
) -> None:
    story = real_story
    campaign_id = await MAKERS[kind](story)
    await terminate(story, campaign_id)
    await story.service.cancel(latest(story, campaign_id))
    view = await reaches(story, campaign_id, CampaignStatus.CANCELLED)
    assert view.problem is None and view.tally.cancelled > 0
    account = story.store.accounts.show(story.account.id)
    assert account is not None
    assert all(balance.held == 0 for balance in account.balances.values())
    assert audit(story.store.database).findings == ()


async def test_a_lost_campaign_is_paused_and_resumed_by_a_person(real_story: Story) -> None:
    story = real_story
    campaign_id = await running(story)
    await terminate(story, campaign_id)
    await story.service.pause(latest(story, campaign_id))
    view = latest(story, campaign_id)
    assert (view.status, view.paused_by) == (CampaignStatus.PAUSED, "person")
    assert await story.service.lost.find() == []
    await terminate(story, campaign_id)
    # Resumed while it is lost, it goes on at once.
    await story.service.resume(view)
    view = await reaches(story, campaign_id, CampaignStatus.RUNNING)
    assert (view.paused_by, view.problem) == (None, None)
    assert sent_of(story, campaign_id) == 1


async def test_a_lost_campaign_gets_another_start_and_stays_paused(real_story: Story) -> None:
    story = real_story
    campaign_id = await scheduled(story)
    await terminate(story, campaign_id)
    start = await story.now() + 3 * HOUR
    assert await story.service.change(latest(story, campaign_id), Change(start=start)) == start
    view = latest(story, campaign_id)
    assert (view.status, view.scheduled_at) == (CampaignStatus.PAUSED, start)
    assert (view.paused_by, view.problem) == ("system", "workflow_lost")
    lost = await running(story)
    await terminate(story, lost)
    with pytest.raises(StateConflict) as conflict:
        await story.service.change(latest(story, lost), Change(start=start))
    # A change that is refused revives nothing.
    assert conflict.value.status is CampaignStatus.RUNNING


async def test_the_time_of_the_loss_is_added_to_the_plan(real_story: Story) -> None:
    story = real_story
    campaign_id = await running(story)
    before = [message.due_at for message in story.store.campaigns.messages(campaign_id)]
    await terminate(story, campaign_id)
    assert await story.service.lost.revive_all() == [campaign_id]
    await asyncio.sleep(0.3)
    await story.service.resume(latest(story, campaign_id))
    await reaches(story, campaign_id, CampaignStatus.RUNNING)
    after = [message.due_at for message in story.store.campaigns.messages(campaign_id)]
    moved = {late - early for late, early in zip(after[1:], before[1:], strict=True)}
    assert len(moved) == 1 and 300 <= moved.pop() < MINUTE
    assert after[0] == before[0]


async def test_many_revivals_and_orders_at_once_start_one_workflow(real_story: Story) -> None:
    story = real_story
    campaign_id = await running(story)
    await terminate(story, campaign_id)
    view = latest(story, campaign_id)
    other = CampaignService(story.client, story.store, story.settings)
    services = (story.service, other)
    orders: list[Order] = [CampaignService.pause, CampaignService.cancel]
    await asyncio.gather(
        *(service.lost.revive_all() for service in services * 3),
        *(order(service, view) for order in orders for service in services),
        return_exceptions=True,
    )
    view = await reaches(story, campaign_id, CampaignStatus.CANCELLED)
    assert sent_of(story, campaign_id) == 1
    assert audit(story.store.database).findings == ()


async def test_a_campaign_that_ended_for_temporal_and_not_for_the_store_comes_back_paused(
    real_story: Story,
) -> None:
    story = real_story
    campaign_id = await running(story)
    # As after a restore of the store: the workflow settles in a database that is gone.
    await story.service.cancel(latest(story, campaign_id))
    await finish(story, campaign_id)
    story.store.database.write(
        lambda connection: [
            connection.exec_driver_sql(statement)
            for statement in (
                "UPDATE campaign SET status = 'running', finished_at = NULL",
                "UPDATE message SET status = 'queued', final_at = NULL, reason = NULL "
                "WHERE status = 'cancelled'",
            )
        ]
    )
    assert await story.service.lost.revive_all() == [campaign_id]
    view = latest(story, campaign_id)
    assert (view.status, view.problem) == (CampaignStatus.PAUSED, "workflow_lost")
    assert sent_of(story, campaign_id) == 1


async def test_a_draft_whose_workflow_was_terminated_is_admitted_under_the_same_key(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = CampaignService(real.client, store, settings)
    async with tell(real, settings, store, account, carrier_server) as story:
        draft = story.draft(PEOPLE, key="once", payload_hash="the same")
    # No worker is there, and the API process dies while it waits for the verdict.
    died = AsyncMock(side_effect=asyncio.CancelledError)
    monkeypatch.setattr(service, "withdraw", died)
    waiting = asyncio.create_task(service.admit(draft))
    async with asyncio.timeout(SETTLED_SECONDS):
        while not store.campaigns.list():
            await asyncio.sleep(0.02)
        (campaign,) = store.campaigns.list()
        handle = real.client.get_workflow_handle(workflow_id(campaign.id))
        while True:
            with contextlib.suppress(RPCError):
                await handle.describe()
                break
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert store.campaigns.list()[0].status is CampaignStatus.DRAFT
    await handle.terminate("by hand")
    async with tell(real, settings, store, account, carrier_server) as story:
        again = await story.service.admit(draft)
        assert again.campaign.id == campaign.id
        await finish(story, campaign.id)
    assert len(carrier_server.log) == PEOPLE
    assert audit(store.database).findings == ()


async def test_a_draft_that_temporal_has_run_to_its_end_is_not_run_again(real_story: Story) -> None:
    story = real_story
    draft = story.draft(PEOPLE, key="once", payload_hash="the same")
    campaign = (await story.service.admit(draft)).campaign
    await finish(story, campaign.id)
    story.store.database.write(
        lambda connection: connection.exec_driver_sql("UPDATE campaign SET status = 'draft'")
    )
    with pytest.raises(StateConflict) as conflict:
        await story.service.admit(draft)
    assert conflict.value.code == "campaign_ran_before"
    assert len(story.carrier.log) == PEOPLE


async def test_a_wrong_namespace_is_named_and_no_campaign_is_taken_for_lost(
    real_story: Story,
) -> None:
    story = real_story
    campaign_id = await scheduled(story)
    address = story.client.service_client.config.target_host
    client = await Client.connect(
        address, namespace="nowhere", data_converter=pydantic_data_converter
    )
    service = CampaignService(client, story.store, story.settings)
    view = latest(story, campaign_id)
    calls = [
        service.lost.revive_all(),
        service.lost.find(),
        service.lost.find(campaign_id),
        service.change(view, Change(start=await story.now() + 2 * HOUR)),
        service.admit(story.draft(PEOPLE, 5_000)),
    ]
    for call in calls:
        with pytest.raises(ServiceUnavailable, match="'nowhere' does not exist"):
            await call
    assert not await service.is_reachable() and await story.service.is_reachable()
    view = latest(story, campaign_id)
    assert (view.status, view.problem) == (CampaignStatus.SCHEDULED, None)
    # An order needs no Temporal to hold.
    await service.pause(view)
    view = latest(story, campaign_id)
    assert (view.status, view.paused_by, view.problem) == (CampaignStatus.PAUSED, "person", None)
    await service.cancel(view)
    assert latest(story, campaign_id).ordered == "cancel"


@pytest.mark.one_store
async def test_when_temporals_database_is_lost_a_paused_campaign_stays_paused(
    settings: Settings, store: Store, account: AccountView, carrier_server: Served
) -> None:
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"), data_converter=pydantic_data_converter
    )
    await register_search_attributes(environment.client)
    async with tell(environment, settings, store, account, carrier_server) as story:
        paused_id, scheduled_id = await paused(story), await scheduled(story)
        left = sent_of(story, paused_id)
        assert left == 1
    await environment.shutdown()
    # A server without a database file starts from nothing.
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"), data_converter=pydantic_data_converter
    )
    await register_search_attributes(environment.client)
    async with tell(environment, settings, store, account, carrier_server) as story:
        assert sorted(await story.service.lost.revive_all()) == sorted([paused_id, scheduled_id])
        await asyncio.sleep(1)
        assert sent_of(story, paused_id) == left
        for campaign_id in (paused_id, scheduled_id):
            assert latest(story, campaign_id).status is CampaignStatus.PAUSED
        await story.service.resume(latest(story, paused_id))
        await reaches(story, paused_id, CampaignStatus.RUNNING)
        await story.service.change(latest(story, scheduled_id), Change(start=await story.now()))
        await story.service.resume(latest(story, scheduled_id))
        assert await finish(story, scheduled_id) is CampaignStatus.FINISHED
        assert sent_of(story, paused_id) == left
    await environment.shutdown()
    assert audit(store.database).findings == ()


async def test_two_hundred_open_campaigns_are_looked_at_with_one_query(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    for first in range(0, 8_000, 400):
        await asyncio.gather(*(scheduled(story, first + PEOPLE * n) for n in range(10)))
    await asyncio.sleep(2 * SECOND / 1_000)
    described: list[str] = []
    closed = story.service._workflows.closed

    async def note(campaign_id: str) -> object:
        described.append(campaign_id)
        return await closed(campaign_id)

    monkeypatch.setattr(story.service._workflows, "closed", note)
    assert await story.service.lost.revive_all() == []
    assert described == []
