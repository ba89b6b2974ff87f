"""A store that fails under a worker leaves no value in its log or in Temporal's histories."""

import asyncio
import itertools
from collections.abc import Callable

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from campaign.settings import Settings
from campaign.states import CampaignStatus
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store
from tests.conftest import Story, finish
from tests.receiving import answer, receive
from tests.telemetry.planting import failing, leaks, recorded
from tests.webhook_worker import posted
from tests.workflows.test_campaign import handle_of


def twice_in(step: str) -> Callable[[str], bool]:
    """Whether a statement is one of the first two that an activity makes."""
    asked = itertools.count()
    return lambda statement: (
        activity.in_activity() and activity.info().activity_type == step and next(asked) < 2
    )


@pytest.mark.parametrize("step", ["admit_campaign", "send_chunk", "settle_campaign"])
async def test_a_step_that_the_store_fails_quotes_nothing_and_is_repeated(
    real_story: Story, step: str
) -> None:
    story = real_story
    with (
        recorded("json") as log,
        failing(story.store.database, twice_in(step), "InternalError") as failed,
    ):
        campaign = (await story.service.admit(story.draft(10))).campaign
        assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    written = log.getvalue()
    assert len(failed) == 2 and "InternalError" in written
    assert f'"campaign": "{campaign.id}"' in written and f'"activity": "{step}"' in written
    history = (await handle_of(story, campaign.id).fetch_history()).to_json()
    numbers = [message.to[1:] for message in story.store.campaigns.messages(campaign.id)]
    for text in (written, history):
        assert leaks(text, *numbers, "has shipped") == []
    assert audit(story.store.database).findings == ()


async def test_a_delivery_that_the_store_fails_quotes_nothing_and_is_repeated(
    real: WorkflowEnvironment, settings: Settings, store: Store, account: AccountView
) -> None:
    async with posted(real, settings, store, account) as post, receive(answer(200)) as receiver:
        webhook, _ = await post.subscribe(receiver.url)
        await post.send(1)
        with (
            recorded("json") as log,
            failing(store.database, twice_in("deliver"), "InternalError") as failed,
        ):
            (handle,) = await post.signal_all(webhook)
            async with asyncio.timeout(60):
                assert (await handle.result()).delivered == 1
        history = (await handle.fetch_history()).to_json()
    assert len(failed) == 2 and "InternalError" in log.getvalue()
    assert leaks(log.getvalue()) + leaks(history) == []
