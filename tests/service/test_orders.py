"""An answered order holds after the loss of Temporal, of a worker or of the API."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from campaign.instants import HOUR, SECOND
from campaign.orders import Order
from campaign.rates import sender_scope
from campaign.settings import Settings
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from service.campaigns import CampaignService, StateConflict
from service.changes import Change
from service.temporal import register_search_attributes
from starter.api.reconciler import Reconciler
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.campaigns.restores import mark_restored
from store.store import Store
from tests.conftest import LONG_CODE, Served, Story, binary, finish, tell, unlisted
from tests.service.test_lost_workflows import (
    PEOPLE,
    latest,
    paused,
    reaches,
    running,
    scheduled,
    sent_of,
    terminate,
)
from tests.workflows.steps import adds_no_history, hold_claims
from tests.workflows.test_campaign import handle_of, is_paused, until
from workflows.campaign import CampaignWorkflow

PAUSED = CampaignStatus.PAUSED
RATE = 20.0
MANY = 200


async def local_server() -> WorkflowEnvironment:
    """A real server that forgets everything when it is shut down."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"), data_converter=pydantic_data_converter
    )
    await register_search_attributes(environment.client)
    return environment


async def under_way(story: Story) -> CampaignView:
    """A campaign of which a few messages have left, and a rate holds the others back."""
    story.store.rates.set_rate(sender_scope(story.account.id, LONG_CODE), RATE)
    campaign = (await story.service.admit(story.draft(MANY, sender=LONG_CODE))).campaign
    async with asyncio.timeout(20):
        while len(story.carrier.log) < 10:
            await asyncio.sleep(0.02)
    return latest(story, campaign.id)


def restore(story: Story, statement: str) -> None:
    """Bring something of the store back to what it was, as the restore of a copy does."""
    story.store.database.write(lambda connection: connection.exec_driver_sql(statement))


async def sends_nothing_more(story: Story, campaign_id: str) -> None:
    """See that the carrier gets nothing once what was under way has left."""
    async with asyncio.timeout(30):
        while latest(story, campaign_id).tally.sending:
            await asyncio.sleep(0.02)
    before = len(story.carrier.log)
    await asyncio.sleep(2.0)
    assert before == len(story.carrier.log) < MANY


async def sends_the_rest_once(story: Story, campaign: CampaignView) -> None:
    story.store.rates.set_rate(sender_scope(story.account.id, LONG_CODE), None)
    async with asyncio.timeout(60):
        assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    references = [row["reference"] for row in story.carrier.log]
    assert len(references) == len(set(references)) == MANY
    assert audit(story.store.database).findings == ()


@pytest.mark.one_store
async def test_f3_orders_answered_before_temporals_database_was_lost_hold_after_it(
    settings: Settings, store: Store, account: AccountView, carrier_server: Served
) -> None:
    environment = await local_server()
    async with tell(environment, settings, store, account, carrier_server) as story:
        cancelled, stopped = await scheduled(story, 1_000), await scheduled(story, 2_000)
        resumed, was_paused = await paused(story), await scheduled(story, 4_000)
        await story.service.pause(latest(story, was_paused))
        await reaches(story, was_paused, PAUSED)
    # No worker is there: Temporal takes the signals, and loses them with its database.
    await story.service.cancel(latest(story, cancelled))
    await story.service.pause(latest(story, stopped))
    await story.service.resume(latest(story, resumed))
    left = sent_of(story, resumed)
    await environment.shutdown()
    environment = await local_server()
    async with tell(environment, settings, store, account, carrier_server) as story:
        assert len(await story.service.lost.revive_all()) == 4
        assert (await reaches(story, cancelled, CampaignStatus.CANCELLED)).tally.sent == 0
        await reaches(story, resumed, CampaignStatus.RUNNING)
        await asyncio.sleep(0.5)
        for campaign_id in (stopped, was_paused):
            view = latest(story, campaign_id)
            assert (view.status, view.paused_by, view.ordered) == (PAUSED, "person", None)
        assert sent_of(story, resumed) == left == 1
    await environment.shutdown()
    assert audit(store.database).findings == ()


async def test_f3_an_order_that_temporal_cannot_hear_stops_the_campaign_and_is_brought_later(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    away = await Client.connect("127.0.0.1:9", lazy=True, data_converter=pydantic_data_converter)
    cut_off = CampaignService(away, story.store, story.settings)
    campaign = await under_way(story)
    await cut_off.pause(campaign)
    view = latest(story, campaign.id)
    assert (view.status, view.paused_by, view.ordered) == (PAUSED, "person", "pause")
    await sends_nothing_more(story, campaign.id)
    # The chunk was held, and the workflow has followed the store: it waits and writes no history.
    await until(story, campaign.id, is_paused)
    assert await adds_no_history(handle_of(story, campaign.id)) < 100
    await cut_off.resume(view)
    assert latest(story, campaign.id).ordered == "resume"
    monkeypatch.setattr("service.orders.CARRIED_OUT_WITHIN", -SECOND)
    assert await story.service.bring_orders_again() == 1
    await story.service.bring_orders_again()
    await reaches(story, campaign.id, CampaignStatus.RUNNING)
    assert await story.service.bring_orders_again() == 0
    await sends_the_rest_once(story, campaign)


@pytest.mark.one_store
async def test_f3_an_older_temporal_that_runs_what_the_store_has_paused_sends_nothing(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    released = hold_claims(monkeypatch, story.store)
    campaign = (await story.service.admit(story.draft(PEOPLE))).campaign
    now = await story.now()
    # The store was paused, and carried it out, after the copy of Temporal was made.
    story.store.database.write(
        lambda connection: connection.exec_driver_sql(
            f"UPDATE campaign SET status = 'paused', paused_by = 'person', paused_at = {now}"
        )
    )
    released.set()
    await asyncio.sleep(2)
    view = latest(story, campaign.id)
    assert (view.status, view.paused_by, view.tally.queued) == (PAUSED, "person", PEOPLE)
    assert story.carrier.log == []
    await story.service.resume(view)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert len(story.carrier.log) == PEOPLE


async def test_f10_a_closed_account_sends_nothing_more_and_its_campaign_says_why(
    real_story: Story,
) -> None:
    story = real_story
    campaign = await under_way(story)
    story.store.accounts.update(story.account.id, active=False)
    view = latest(story, campaign.id)
    await sends_nothing_more(story, campaign.id)
    assert (view.status, view.paused_by, view.problem) == (PAUSED, "system", "account_closed")
    with pytest.raises(StateConflict) as conflict:
        await story.service.resume(view)
    assert conflict.value.code == "account_closed"
    story.store.accounts.update(story.account.id, active=True)
    await asyncio.sleep(0.5)
    view = latest(story, campaign.id)
    assert (view.status, view.problem, view.ordered) == (PAUSED, "account_closed", None)
    await story.service.resume(view)
    await reaches(story, campaign.id, CampaignStatus.RUNNING)
    assert latest(story, campaign.id).problem is None
    await sends_the_rest_once(story, campaign)


@pytest.mark.one_store
async def test_f10_a_campaign_admitted_while_its_account_is_closed_is_held_and_says_so(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    released = hold_claims(monkeypatch, story.store)
    campaign = (await story.service.admit(story.draft(PEOPLE))).campaign
    story.store.database.write(
        lambda connection: connection.exec_driver_sql("UPDATE account SET active = FALSE")
    )
    released.set()
    view = await reaches(story, campaign.id, PAUSED)
    assert (view.paused_by, view.problem, view.tally.queued) == ("system", "account_closed", PEOPLE)
    assert story.carrier.log == []


@pytest.mark.one_store
async def test_f21_a_reschedule_that_is_answered_is_in_the_rows_of_a_restored_store(
    real_story: Story,
) -> None:
    story = real_story
    campaign_id = await scheduled(story)
    now = await story.now()
    first, second, third = (now + hours * HOUR for hours in (2, 3, 4))
    change, view = story.service.change, latest(story, campaign_id)
    assert await change(view, Change(start=first)) == first
    assert await change(view, Change(start=second)) == second
    # The store as it was between the two.
    for statement in (
        f"UPDATE campaign SET pauses_applied = 1, base_at = {first}, scheduled_at = {first}",
        f"UPDATE message SET due_at = due_at - {HOUR}",
    ):
        restore(story, statement)
    assert await change(view, Change(start=third)) == third
    dues = {one.due_at for one in story.store.campaigns.messages(campaign_id)}
    assert dues == {third} and latest(story, campaign_id).scheduled_at == third
    # And the other way round: the store has counted on, and Temporal is the older one.
    story.store.plans.shift(campaign_id, 3, HOUR)
    assert await change(view, Change(spread_hours=1.0)) == third + HOUR
    assert await change(view, Change(start=first)) == first
    assert min(one.due_at for one in story.store.campaigns.messages(campaign_id)) == first


@pytest.mark.one_store
async def test_f21_a_campaign_that_ended_for_temporal_alone_takes_every_order(
    real_story: Story,
) -> None:
    story = real_story
    campaign_id = await scheduled(story)
    await story.service.cancel(latest(story, campaign_id))
    await finish(story, campaign_id)
    restored = (
        "UPDATE campaign SET status = 'scheduled', finished_at = NULL",
        "UPDATE message SET status = 'queued', final_at = NULL, reason = NULL",
    )
    for statement in restored:
        restore(story, statement)
    start = await story.now() + 2 * HOUR
    assert await story.service.change(latest(story, campaign_id), Change(start=start)) == start
    view = latest(story, campaign_id)
    assert (view.status, view.paused_by, view.problem) == (PAUSED, "system", "workflow_lost")
    await story.service.pause(view)
    assert latest(story, campaign_id).paused_by == "person"
    await story.service.resume(latest(story, campaign_id))
    await reaches(story, campaign_id, CampaignStatus.SCHEDULED)
    await story.service.cancel(latest(story, campaign_id))
    await reaches(story, campaign_id, CampaignStatus.CANCELLED)
    assert story.carrier.log == []


@pytest.mark.one_store
async def test_f21_a_draft_that_temporal_has_run_is_not_withdrawn_and_its_key_stays_held(
    real_story: Story,
) -> None:
    story = real_story
    draft = story.draft(PEOPLE, key="once", payload_hash="the same")
    campaign = (await story.service.admit(draft)).campaign
    await finish(story, campaign.id)
    story.store.database.write(
        lambda connection: connection.exec_driver_sql(
            "UPDATE campaign SET status = 'draft', created_at = 0"
        )
    )
    reconciler = Reconciler(story.service, story.store, story.settings)
    assert await reconciler.withdraw_stale() == 1
    assert latest(story, campaign.id).status is CampaignStatus.DRAFT
    with pytest.raises(StateConflict) as conflict:
        await story.service.admit(draft)
    assert conflict.value.code == "campaign_ran_before"
    assert len(story.carrier.log) == PEOPLE


@pytest.mark.one_store
async def test_a_retry_that_temporal_cannot_hear_is_answered_and_starts_when_it_can(
    real_story: Story,
) -> None:
    story = real_story
    draft = story.draft(PEOPLE)
    bad = replace(draft.recipients[0], to="+14155550001")
    mixed = replace(draft, recipients=[bad, *draft.recipients[1:]])
    campaign = (await story.service.admit(mixed)).campaign
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED_WITH_FAILURES
    # Another reason and another number than those of its refusal: it may be sent later.
    story.store.database.write(
        lambda connection: connection.exec_driver_sql(
            "UPDATE message SET reason = 'unavailable', recipient = '+14155551234' "
            "WHERE status = 'failed'"
        )
    )
    away = await Client.connect("127.0.0.1:9", lazy=True, data_converter=pydantic_data_converter)
    await CampaignService(away, story.store, story.settings).retry(latest(story, campaign.id))
    view = latest(story, campaign.id)
    assert (view.status, view.ordered) == (CampaignStatus.RUNNING, "retry")
    await unlisted(story, campaign.id)
    assert await story.service.lost.revive_all() == [campaign.id]
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert len(story.carrier.log) == PEOPLE and latest(story, campaign.id).ordered is None


@pytest.mark.one_store
async def test_a_rate_that_temporal_cannot_hear_of_is_in_the_store(real_story: Story) -> None:
    story = real_story
    campaign_id = await running(story)
    away = await Client.connect("127.0.0.1:9", lazy=True, data_converter=pydantic_data_converter)
    service = CampaignService(away, story.store, story.settings)
    change = Change(has_rate=True, rate=5.0)
    await service.change(latest(story, campaign_id), change)
    assert list(story.store.rates.rates().values()) == [5.0]


async def test_a_resume_that_is_ordered_again_and_again_moves_the_plan_by_the_pause_once(
    real_story: Story,
) -> None:
    story = real_story
    campaign_id = await running(story)
    before = [message.due_at for message in story.store.campaigns.messages(campaign_id)]
    asked = await story.now()
    await story.service.pause(latest(story, campaign_id))
    await reaches(story, campaign_id, PAUSED)
    await asyncio.sleep(2)
    # Each of these is a newer order, which the run that carries one out has to notice.
    for _ in range(20):
        with contextlib.suppress(StateConflict):
            await story.service.resume(latest(story, campaign_id))
        await asyncio.sleep(0.02)
    await reaches(story, campaign_id, CampaignStatus.RUNNING)
    after = [message.due_at for message in story.store.campaigns.messages(campaign_id)]
    (moved,) = {late - early for late, early in zip(after[1:], before[1:], strict=True)}
    # The store's clock and the one that sleeps here may run a little apart.
    assert 2 * SECOND - 50 <= moved <= await story.now() - asked


async def test_a_resume_that_a_newer_pause_overtakes_resumes_nothing(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    view = latest(story, await running(story))
    before = story.store.orders.standing(view.id)
    await story.service.pause(view)
    async with asyncio.timeout(10):
        while latest(story, view.id).ordered is not None:
            await asyncio.sleep(0.02)
    # A resume that was written before the pause, and whose process wakes here to signal it.
    monkeypatch.setattr(story.store.orders, "give", lambda *order: before)
    await story.service.resume(view)
    await asyncio.sleep(1.0)
    assert latest(story, view.id).status is PAUSED


async def test_a_run_that_begins_late_in_the_place_of_a_lost_one_ends_no_resume(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    store, campaign_id = story.store, await running(story)
    await terminate(story, campaign_id)
    store.open_campaigns.pause_lost(campaign_id, await story.now())
    store.orders.give(campaign_id, Order.RESUME, await story.now())
    view, facts = latest(story, campaign_id), store.admissions.plan_facts(campaign_id)
    await story.service.lost.revive_all()
    await reaches(story, campaign_id, CampaignStatus.RUNNING)
    await terminate(story, campaign_id)
    written, set_status = [], store.campaigns.set_status

    def write(id: str, status: CampaignStatus, *rest: Any) -> CampaignStatus:
        written.append(status)
        return set_status(id, status, *rest)

    monkeypatch.setattr(store.campaigns, "set_status", write)
    with monkeypatch.context() as asleep:
        # Another stack's process read this before the resume was carried out.
        asleep.setattr(store.open_campaigns, "pause_lost", lambda *values: True)
        asleep.setattr(store.campaigns, "get", lambda id: view)
        asleep.setattr(store.admissions, "plan_facts", lambda id: facts)
        await story.service.lost.revive(campaign_id)
    async with asyncio.timeout(10):
        while CampaignStatus.RUNNING not in written:
            await asyncio.sleep(0.02)
    assert PAUSED not in written
    assert latest(story, campaign_id).status is CampaignStatus.RUNNING


def older_copy(story: Story, campaign_id: str) -> Callable[[], None]:
    """What puts the campaign's row back as it is now, as ``godwit db restored`` finds it."""
    columns = "status, paused_at, paused_by, problem, ordered, ordered_at, finished_at"
    select = f"SELECT {columns} FROM campaign WHERE id = '{campaign_id}'"
    database = story.store.database
    row = database.read(lambda connection: connection.exec_driver_sql(select).one())
    update = text(
        f"UPDATE campaign SET {', '.join(f'{name} = :{name}' for name in columns.split(', '))} "
        "WHERE id = :id"
    )

    def restore() -> None:
        values = {**row._mapping, "id": campaign_id}
        database.write(lambda connection: connection.execute(update, values))
        mark_restored(database, story.store.clock.now())

    return restore


async def follow(story: Story, campaign_id: str) -> None:
    """Bring the orders of a restored store until they are carried out, as the API does."""
    async with asyncio.timeout(20):
        while latest(story, campaign_id).ordered is not None:
            await story.service.bring_orders_again()
            await asyncio.sleep(0.1)


async def test_a_workflow_that_was_paused_after_the_copy_goes_on_as_the_restored_store_says(
    real_story: Story,
) -> None:
    story = real_story
    view = await under_way(story)
    restore = older_copy(story, view.id)
    await story.service.pause(view)
    await until(story, view.id, is_paused)
    restore()
    assert latest(story, view.id).status is CampaignStatus.RUNNING
    await follow(story, view.id)
    assert await finish(story, view.id) is CampaignStatus.FINISHED


async def test_a_workflow_that_was_resumed_after_the_copy_pauses_as_the_restored_store_says(
    real_story: Story,
) -> None:
    story = real_story
    campaign_id = await paused(story)
    await until(story, campaign_id, is_paused)
    restore = older_copy(story, campaign_id)
    await story.service.resume(latest(story, campaign_id))
    await reaches(story, campaign_id, CampaignStatus.RUNNING)
    restore()
    await follow(story, campaign_id)
    progress = await handle_of(story, campaign_id).query(CampaignWorkflow.progress)
    assert progress.status is PAUSED
    assert latest(story, campaign_id).status is PAUSED


async def test_a_lost_campaign_of_a_restored_store_comes_back_paused(real_story: Story) -> None:
    story = real_story
    campaign_id = await running(story)
    mark_restored(story.store.database, await story.now())
    await terminate(story, campaign_id)
    assert await story.service.lost.revive_all() == [campaign_id]
    await until(story, campaign_id, is_paused)
    view = latest(story, campaign_id)
    assert (view.paused_by, view.problem) == ("system", "workflow_lost")
    assert sent_of(story, campaign_id) == 1
