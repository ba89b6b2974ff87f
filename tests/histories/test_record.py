"""Record histories: ``GODWIT_RECORD=1 .venv/bin/pytest tests/histories``.

Run it for a release, or after a change of the workflow that made a new kind of history, and
commit the new files beside the old ones: those belong to campaigns that may still be running.
"""

import gzip
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from campaign.canary import Canary, Measure
from campaign.expanding import Member
from campaign.instants import DAY, HOUR, MINUTE, SECOND
from campaign.limits_changes import LimitsChange
from campaign.model import LISTED_MAX, DraftRecipient, Policy
from campaign.orders import Order
from campaign.refusals import Refused
from campaign.settings import Settings
from service.campaign_workflows import workflow_id
from service.campaigns import CampaignService
from service.changes import Change
from store.accounts.accounts import AccountView
from store.store import Store
from tests.conftest import Story, finish, reach
from tests.receiving import answer, receive
from tests.webhook_worker import posted
from tests.workflows.test_campaign import is_paused, until

RELEASE = "0.6"

pytestmark = pytest.mark.skipif(
    "GODWIT_RECORD" not in os.environ, reason="records only when GODWIT_RECORD is set"
)


async def unspread(story: Story) -> str:
    """Retries among 1,200 recipients."""
    draft = story.draft(1_200)
    odd = [replace(draft.recipients[index], to=f"+1416555000{index}") for index in (1, 2, 4, 5, 7)]
    draft = replace(draft, recipients=odd + draft.recipients[5:])
    return (await story.service.admit(draft)).campaign.id


async def spread_paused_resumed(story: Story) -> str:
    """A pause of a day in the middle of a spread."""
    start = await story.now() + DAY
    draft = story.draft(60, scheduled_at=start, spread_hours=1.0)
    campaign = (await story.service.admit(draft)).campaign
    await reach(story, campaign.id, start + 30 * MINUTE + 20 * SECOND)
    await story.service.pause(campaign)
    await until(story, campaign.id, is_paused)
    await reach(story, campaign.id, start + DAY)
    await story.service.resume(campaign)
    return campaign.id


async def cancelled(story: Story) -> str:
    """A cancel in the middle of a spread."""
    start = await story.now() + DAY
    draft = story.draft(60, scheduled_at=start, spread_hours=1.0)
    campaign = (await story.service.admit(draft)).campaign
    await reach(story, campaign.id, start + 30 * MINUTE + 20 * SECOND)
    await story.service.cancel(campaign)
    return campaign.id


async def followed(story: Story) -> str:
    """A pause that no signal brought, in the middle of a spread, and a resume with its number."""
    start = await story.now() + DAY
    draft = story.draft(60, scheduled_at=start, spread_hours=1.0)
    campaign = (await story.service.admit(draft)).campaign
    await reach(story, campaign.id, start + 30 * MINUTE + 20 * SECOND)
    story.store.orders.give(campaign.id, Order.PAUSE, await story.now())
    await reach(story, campaign.id, start + 40 * MINUTE)
    await until(story, campaign.id, is_paused)
    await story.service.resume(campaign)
    return campaign.id


async def changed(story: Story) -> str:
    """Another start, another spread and another expiry, then a canary that goes on."""
    start = await story.now() + DAY
    canary = Canary(5, 60, {Measure.FAILURES: 0.5})
    draft = replace(story.draft(40, scheduled_at=start), canary=canary)
    campaign = (await story.service.admit(draft)).campaign
    for change in (
        Change(start=start + HOUR),
        Change(spread_hours=1.0),
        Change(limits=LimitsChange(has_expiry=True, expires_at=start + 5 * DAY)),
    ):
        await story.service.change(campaign, change)
    return campaign.id


async def small(story: Story) -> str:
    """Ten messages that are due later, in one chunk that awaits their receipts."""
    draft = story.draft(10, scheduled_at=await story.now() + HOUR)
    return (await story.service.admit(draft)).campaign.id


async def refused(story: Story) -> str:
    """A sender that is not owned."""
    with pytest.raises(Refused):
        await story.service.admit(story.draft(10, sender="+18005550000"))
    return story.store.campaigns.list()[0].id


async def prepared(story: Story) -> str:
    """Pages from a list."""
    people = [Member(f"+1415555{1_000 + index}") for index in range(35)]
    story.store.lists.create(story.account.id, "people", "people", await story.now())
    story.store.lists.add(story.account.id, "people", people, await story.now())
    settings = story.settings.model_copy(update={"prepare_above": 10})
    service = CampaignService(story.client, story.store, settings)
    recipients = [DraftRecipient("", mailing_list="people")]
    draft = replace(story.draft(1), text="Hello", recipients=recipients)
    draft = replace(draft, policy=Policy(listed_max=LISTED_MAX))
    return (await service.admit(draft)).campaign.id


async def continued(story: Story) -> str:
    """More waves than one run should hold."""
    start = await story.now() + HOUR
    draft = story.draft(700)
    recipients = [
        replace(recipient, scheduled_at=start + index * MINUTE)
        for index, recipient in enumerate(draft.recipients)
    ]
    return (await story.service.admit(replace(draft, recipients=recipients))).campaign.id


@pytest.mark.parametrize(
    "tale",
    [
        unspread,
        spread_paused_resumed,
        cancelled,
        followed,
        changed,
        small,
        refused,
        prepared,
        continued,
    ],
)
async def test_record(story: Story, tale: Callable[[Story], Awaitable[str]]) -> None:
    campaign_id = await tale(story)
    first = await story.client.get_workflow_handle(workflow_id(campaign_id)).describe()
    await finish(story, campaign_id)
    for name, run_id in ((tale.__name__, first.run_id), (f"{tale.__name__}-last", None)):
        handle = story.client.get_workflow_handle(workflow_id(campaign_id), run_id=run_id)
        history = await handle.fetch_history()
        if run_id is None and history.run_id == first.run_id:
            continue
        file = Path(__file__).with_name(f"{RELEASE}-{name}.json.gz")
        file.write_bytes(gzip.compress(history.to_json().encode(), mtime=0))


async def test_record_webhook_delivery(
    skipping: WorkflowEnvironment, settings: Settings, store: Store, account: AccountView
) -> None:
    """Two tries that fail, with their waits, and one that is delivered."""
    async with posted(skipping, settings, store, account) as post:
        async with receive(answer(500), answer(503), answer(200)) as receiver:
            webhook, _ = await post.subscribe(receiver.url)
            await post.send()
            (handle,) = await post.signal_all(webhook)
            await post.finished(handle)
        history = await handle.fetch_history()
    file = Path(__file__).with_name(f"{RELEASE}-webhook_delivery.json.gz")
    file.write_bytes(gzip.compress(history.to_json().encode(), mtime=0))
