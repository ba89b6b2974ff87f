"""Faults of ours are visible, and what a hand does wrong in the Web UI breaks nothing."""

import asyncio
from itertools import count
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from campaign.credits import CreditKind
from campaign.instants import DAY, SECOND
from campaign.states import CampaignStatus
from store.campaigns.audit import audit
from store.shared.ledger import LedgerError
from tests.conftest import Handle, Story, finish
from tests.workflows.test_campaign import handle_of, is_paused, until
from workflows.campaign import CampaignWorkflow
from workflows.plan_changes import REFUSED
from workflows.records import ChangeSpreadInput, RescheduleInput
from workflows.visibility import STATUS


async def needs_help(handle: Handle) -> None:
    """Wait until the search attributes say that a campaign needs help."""
    async with asyncio.timeout(30):
        while (await handle.describe()).typed_search_attributes.get(STATUS) != "needs_help":
            await asyncio.sleep(0.05)


@pytest.mark.one_store
async def test_a_settlement_that_fails_by_a_fault_of_ours_asks_for_help_and_goes_on_when_resumed(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    settle, asked = story.store.admissions.settle, list[int]()

    def broken(*given: Any) -> Any:
        asked.append(1)
        if len(asked) <= 2:
            raise LedgerError("a number +14155550123 that must not travel")
        return settle(*given)

    monkeypatch.setattr(story.store.admissions, "settle", broken)
    campaign = (await story.service.admit(story.draft(10))).campaign
    handle = handle_of(story, campaign.id)
    await needs_help(handle)
    assert len(asked) == 1, "a fault of ours is not repeated"
    async with asyncio.timeout(60):
        # A resume that comes while the step is just tried again is for nothing.
        while len(asked) < 3:
            await handle.signal(CampaignWorkflow.resume)
            await asyncio.sleep(0.5)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert "14155550123" not in (await handle.fetch_history()).to_json()
    assert audit(story.store.database).findings == ()


@pytest.mark.one_store
async def test_a_chunk_that_fails_by_a_fault_of_ours_asks_for_help_and_doubles_nothing(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    flush_and_claim, asked = story.store.sending.flush_and_claim, count(1)

    def broken(*given: Any) -> Any:
        if next(asked) == 1:
            raise LookupError("no such state")
        return flush_and_claim(*given)

    monkeypatch.setattr(story.store.sending, "flush_and_claim", broken)
    campaign = (await story.service.admit(story.draft(10))).campaign
    handle = handle_of(story, campaign.id)
    await needs_help(handle)
    await handle.signal(CampaignWorkflow.resume)
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert len({row["reference"] for row in story.carrier.log}) == len(story.carrier.log) == 10
    assert audit(story.store.database).findings == ()


@pytest.mark.one_store
async def test_a_campaign_that_needs_help_can_be_cancelled_once_the_fault_is_gone(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    rows, asked = story.store.admissions.waiting_rows, count(1)

    def broken(*given: Any) -> Any:
        if next(asked) == 2:
            raise KeyError("a state that nobody knows")
        return rows(*given)

    monkeypatch.setattr(story.store.admissions, "waiting_rows", broken)
    start = await story.now() + DAY
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    await story.service.pause(campaign)
    await until(story, campaign.id, is_paused)
    await story.service.resume(campaign)
    handle = handle_of(story, campaign.id)
    await needs_help(handle)
    await story.service.cancel(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED
    account = story.store.accounts.show(story.account.id)
    assert account is not None and account.balances[CreditKind.SMS].available == 100_000
    assert audit(story.store.database).findings == ()


@pytest.mark.one_store
@pytest.mark.parametrize("at", ["microseconds", 10**25, -1, "300 years"])
async def test_an_update_with_an_instant_that_cannot_be_is_refused_and_changes_nothing(
    real_story: Story, at: str | int
) -> None:
    story = real_story
    now = await story.now()
    start = now + DAY
    wrong = {"microseconds": start * 1_000, "300 years": now + 300 * 365 * DAY}.get(str(at), at)
    assert isinstance(wrong, int)
    campaign = (await story.service.admit(story.draft(10, scheduled_at=start))).campaign
    handle = handle_of(story, campaign.id)
    inputs = {
        "reschedule": RescheduleInput(at=wrong),
        "change_spread": ChangeSpreadInput(hours=1.0, at=wrong),
    }
    for update, input in inputs.items():
        with pytest.raises(WorkflowUpdateFailedError) as failed:
            await handle.execute_update(update, input)
        assert isinstance(failed.value.cause, ApplicationError)
        assert failed.value.cause.type == REFUSED
    assert story.store.campaigns.get(campaign.id) == campaign
    sooner = RescheduleInput(at=start - 5 * SECOND)
    assert await handle.execute_update("reschedule", sooner) == sooner.at
    await story.service.cancel(campaign)
    assert await finish(story, campaign.id) is CampaignStatus.CANCELLED
