"""Speeds over several workers, on a real Temporal server: never above, hardly below, live."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from campaign.rates import campaign_scope, sender_scope
from carriers.pretend import PretendCarrier, PretendSettings
from service.changes import Change
from store.campaigns.audit import audit
from store.store import open_store
from tests.conftest import LONG_CODE, Story, finish
from tests.workflows.steps import hold_claims
from worker import build_worker

PEOPLE = 200
RATE, FASTER = 20, 40
WINDOW_SECONDS = 5.0


@asynccontextmanager
async def more_workers(story: Story, count: int) -> AsyncIterator[None]:
    """Further workers, each with a store of its own, as in processes of their own."""
    async with AsyncExitStack() as opened:
        for _ in range(count):
            store = open_store(story.settings)
            opened.callback(store.close)
            settings = PretendSettings(base_url=story.carrier.base_url)
            carrier = PretendCarrier(settings, story.settings.send_timeout_seconds)
            opened.push_async_callback(carrier.close)
            client = await Client.connect(
                story.client.service_client.config.target_host,
                data_converter=pydantic_data_converter,
            )
            worker = build_worker(client, story.settings, store, carrier)
            await opened.enter_async_context(worker)
        yield


def taken_at(story: Story) -> list[float]:
    """When the carrier took each message, in seconds."""
    return sorted(datetime.fromisoformat(str(row["at"])).timestamp() for row in story.carrier.log)


def rates(times: list[float]) -> list[float]:
    """Messages per second in every window that lies within these times, begun at each of them."""
    return [
        sum(begin <= other < begin + WINDOW_SECONDS for other in times) / WINDOW_SECONDS
        for begin in times
        if begin + WINDOW_SECONDS <= times[-1]
    ]


async def test_three_workers_keep_a_speed_together_and_follow_a_change_of_it(
    real_story: Story,
) -> None:
    story = real_story
    scope = sender_scope(story.account.id, LONG_CODE)
    story.store.rates.set_rate(scope, RATE)
    async with more_workers(story, 2):
        drafts = [story.draft(PEOPLE, first, sender=LONG_CODE) for first in (1_000, 2_000)]
        admitted = [(await story.service.admit(draft)).campaign for draft in drafts]
        while len(story.carrier.log) < PEOPLE:
            await asyncio.sleep(0.05)
        changed_at = time.time()
        await asyncio.to_thread(story.store.rates.set_rate, scope, FASTER)
        for campaign in admitted:
            await finish(story, campaign.id)
    times = taken_at(story)
    assert len(times) == 2 * PEOPLE
    # Alone on a machine it is within 5 %; a busy one delays what has left, and so bunches it.
    before = rates([at for at in times if at < changed_at])
    assert max(before) <= 1.2 * RATE
    assert min(before) >= 0.7 * RATE
    # The change has taken hold after two seconds at the latest; what is left goes at that rate.
    after = [at for at in times if at > changed_at + 2]
    rate = (len(after) - 1) / (after[-1] - after[0])
    assert 1.4 * RATE <= rate <= 1.2 * FASTER
    assert audit(story.store.database).findings == ()


async def test_a_speed_of_one_campaign_leaves_the_others_alone(
    real_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = real_story
    # It begins only when it has its speed.
    released = hold_claims(monkeypatch, story.store)
    slow = (await story.service.admit(story.draft(40, 1_000))).campaign
    await story.service.change(slow, Change(has_rate=True, rate=1.0))
    released.set()
    async with asyncio.timeout(30):
        while not story.carrier.log:
            await asyncio.sleep(0.05)
    quick = (await story.service.admit(story.draft(40, 2_000))).campaign
    await finish(story, quick.id)
    assert story.store.campaigns.tally(slow.id).queued > 0
    await story.service.change(slow, Change(has_rate=True, rate=20.0))
    await finish(story, slow.id)
    assert len(story.carrier.log) == 80
    assert campaign_scope(slow.id) not in story.store.rates.rates()
