"""A campaign that ended with failures is retried over Temporal, with death at the worst moments."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from campaign.failures import ServiceUnavailable
from campaign.instants import Instant
from campaign.model import DraftRecipient
from campaign.ports import Tally
from campaign.refusals import RefusalCode, Refused
from campaign.settings import Settings
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from service.campaign_workflows import CampaignWorkflows, workflow_id
from service.campaigns import StateConflict
from store.accounts.accounts import AccountView
from store.campaigns.admission import Admissions
from store.campaigns.audit import audit
from store.campaigns.retry import Retried
from store.store import Store
from tests.conftest import Story, finish, tell, unlisted
from tests.test_faults import Weather, serve_storm

ENDED = CampaignStatus.FINISHED_WITH_FAILURES
FOR_EVER = 1
# So few that what they come to, with two tries and a retry, is not a carrier that is down.
PEOPLE = 3


@pytest.fixture
def weather() -> Weather:
    """A carrier that says 503 until told otherwise."""
    weather = Weather()
    weather.status, weather.until = 503, FOR_EVER
    return weather


@pytest.fixture
async def stormy(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    weather: Weather,
) -> AsyncIterator[Story]:
    """A story with that carrier, and few tries."""
    settings.retry_backoff_seconds = (0.1,)
    settings.receipts_grace_seconds = 0.2
    async with serve_storm(weather) as served:
        async with tell(real, settings, store, account, served) as story:
            yield story


async def failed(story: Story, count: int = PEOPLE, **members: Any) -> CampaignView:
    """A campaign whose tries are used up."""
    campaign = (await story.service.admit(story.draft(count, **members))).campaign
    assert await finish(story, campaign.id) is ENDED
    return latest(story, campaign.id)


def latest(story: Story, campaign_id: str) -> CampaignView:
    view = story.store.campaigns.get(campaign_id)
    assert view is not None
    return view


async def ends(story: Story, campaign_id: str) -> CampaignStatus:
    """Wait until the store has an end, which may be the second."""
    async with asyncio.timeout(30):
        while (status := latest(story, campaign_id).status) in ("running", "paused", "scheduled"):
            await asyncio.sleep(0.05)
    return status


def in_balance(story: Story) -> bool:
    return audit(story.store.database).findings == ()


async def test_what_was_put_off_until_the_tries_were_used_up_goes_once_each_when_retried(
    stormy: Story, weather: Weather
) -> None:
    bad = DraftRecipient(to="+14155550001", text="Nobody is here")
    campaign = await failed(stormy, recipients=[*stormy.draft(PEOPLE).recipients, bad])
    assert campaign.tally.failed == PEOPLE + 1 and stormy.carrier.log == []
    # While the storm goes on, a retry has all its tries, and ends the same.
    await stormy.service.retry(campaign)
    assert await ends(stormy, campaign.id) is ENDED
    assert weather.asked == 4 * (PEOPLE + 1)
    weather.until = 0
    await stormy.service.retry(latest(stormy, campaign.id))
    assert await ends(stormy, campaign.id) is ENDED
    tally = latest(stormy, campaign.id).tally
    assert (tally.sent, tally.failed) == (PEOPLE, 1)
    sent = [row["reference"] for row in stormy.carrier.log]
    assert len(sent) == len(set(sent)) == PEOPLE
    with pytest.raises(StateConflict, match="finished_with_failures"):
        await stormy.service.retry(latest(stormy, campaign.id))
    assert in_balance(stormy)


async def test_ten_wishes_at_once_send_once(stormy: Story, weather: Weather) -> None:
    campaign = await failed(stormy)
    weather.until = 0
    await asyncio.gather(*(stormy.service.retry(campaign) for _ in range(10)))
    assert await ends(stormy, campaign.id) is CampaignStatus.FINISHED
    assert len(stormy.carrier.log) == PEOPLE
    assert in_balance(stormy)


async def test_a_campaign_under_way_comes_again_by_itself_and_an_ended_one_says_so(
    stormy: Story, weather: Weather
) -> None:
    weather.until = 0
    later = await stormy.now() + 3_600_000
    campaign = (await stormy.service.admit(stormy.draft(3, scheduled_at=later))).campaign
    with pytest.raises(StateConflict) as no:
        await stormy.service.retry(campaign)
    assert no.value.code == "campaign_runs" and "by themselves" in no.value.reason
    await stormy.service.cancel(campaign)
    assert await ends(stormy, campaign.id) is CampaignStatus.CANCELLED
    with pytest.raises(StateConflict) as no:
        await stormy.service.retry(campaign)
    assert (no.value.code, no.value.status) == ("", CampaignStatus.CANCELLED)


async def test_a_retry_that_cannot_be_paid_is_refused(stormy: Story) -> None:
    campaign = await failed(stormy)
    stormy.store.database.write(
        lambda connection: connection.exec_driver_sql(
            "UPDATE credit SET available = 1, granted = posted + held + 1"
        )
    )
    with pytest.raises(Refused) as no:
        await stormy.service.retry(campaign)
    assert [refusal.code for refusal in no.value.refusals] == [RefusalCode.CREDITS_INSUFFICIENT]
    assert latest(stormy, campaign.id) == campaign


async def test_a_retry_that_died_before_its_workflow_is_mended_by_the_reconciler(
    stormy: Story, weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await failed(stormy)
    weather.until = 0

    async def die(*_: object, **__: object) -> None:
        raise ServiceUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(CampaignWorkflows, "start", die)
        await stormy.service.retry(campaign)
    shown = latest(stormy, campaign.id)
    assert (shown.status, shown.ordered) == (CampaignStatus.RUNNING, "retry")
    await unlisted(stormy, campaign.id)
    assert await stormy.service.lost.revive_all() == [campaign.id]
    assert await ends(stormy, campaign.id) is CampaignStatus.FINISHED
    assert await stormy.service.lost.revive_all() == []
    assert len(stormy.carrier.log) == PEOPLE
    assert in_balance(stormy)


async def test_a_retry_between_the_end_and_the_last_step_of_its_run_is_not_lost(
    stormy: Story, weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = Admissions.settle
    result: list[object] = []

    def cut_off(
        admissions: Admissions, campaign_id: str, status: CampaignStatus, now: Instant
    ) -> tuple[CampaignStatus, Tally]:
        """The end is written, the worker dies before it says so, and somebody is quick."""
        settled = settle(admissions, campaign_id, status, now)
        if not result:
            weather.until = 0
            result.append(stormy.store.retrying.retry(campaign_id, now).result)
            raise RuntimeError("died")
        return settled

    monkeypatch.setattr(Admissions, "settle", cut_off)
    campaign = (await stormy.service.admit(stormy.draft(PEOPLE))).campaign
    assert await finish(stormy, campaign.id) is CampaignStatus.FINISHED
    assert result == [Retried.AGAIN]
    handle = stormy.client.get_workflow_handle(workflow_id(campaign.id))
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert len(stormy.carrier.log) == PEOPLE
    assert in_balance(stormy)


async def test_a_retried_campaign_is_paused_resumed_and_cancelled_like_any_other(
    stormy: Story, weather: Weather
) -> None:
    campaign = await failed(stormy)
    weather.headers = {"retry-after": "3"}
    await stormy.service.retry(campaign)
    await stormy.service.pause(latest(stormy, campaign.id))
    async with asyncio.timeout(10):
        while latest(stormy, campaign.id).status is not CampaignStatus.PAUSED:
            await asyncio.sleep(0.02)
    await stormy.service.resume(latest(stormy, campaign.id))
    assert await ends(stormy, campaign.id) is ENDED
    assert stormy.carrier.log == [] and in_balance(stormy)
