"""Webhook delivery on a real server: slow neighbours, long runs, and workers that go down."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from campaign.deliveries import DeliveryOutcome, DeliveryVerdict
from campaign.instants import Instant
from campaign.settings import Settings
from store.accounts.accounts import AccountView
from store.store import Store
from tests.receiving import answer, hang, receive
from tests.webhook_worker import Post, posted

GRACE_SECONDS = 0.5
Parts = tuple[WorkflowEnvironment, Settings, Store, AccountView]


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that shut down sooner than the deadline of a call."""
    for module in ("worker", "service.workers"):
        monkeypatch.setattr(f"{module}.GRACEFUL_SHUTDOWN", timedelta(seconds=GRACE_SECONDS))
    monkeypatch.setattr("service.workers.SHUTDOWN_PATIENCE", timedelta(seconds=1.5))


@pytest.fixture
def parts(
    real: WorkflowEnvironment, settings: Settings, store: Store, account: AccountView
) -> Parts:
    """What delivery workflows run on."""
    settings.callback_timeout_seconds = 30.0
    return real, settings, store, account


@pytest.fixture
async def post(parts: Parts) -> AsyncIterator[Post]:
    """Delivery workflows in real time."""
    async with posted(*parts) as made:
        yield made


async def test_a_slow_destination_delays_no_other(post: Post) -> None:
    async with receive(hang) as slow, receive(answer(200)) as quick:
        slow_hook, _ = await post.subscribe(slow.url)
        quick_hook, _ = await post.subscribe(quick.url)
        await post.send(20)
        began = time.monotonic()
        slow_worker, quick_worker = await post.signal_all(slow_hook, quick_hook)
        await slow.until(lambda taken: len(taken) == 4)
        assert (await quick_worker.result()).delivered == 20
        assert time.monotonic() - began < 30
        assert post.statuses() == {"waiting": 20, "delivered": 20}
        await slow_worker.terminate()


async def test_a_worker_that_goes_down_while_a_receiver_hangs_ends_within_its_grace(
    parts: Parts,
) -> None:
    async with receive(answer(200), hang) as receiver:
        async with posted(*parts) as post:
            webhook, _ = await post.subscribe(receiver.url)
            await post.send(4)
            (delivery_worker,) = await post.signal_all(webhook)
            taken = await receiver.until(lambda taken: len(taken) == 4)
            began = time.monotonic()
        assert time.monotonic() - began < GRACE_SECONDS + 5
        assert post.statuses() == {"delivered": 1, "waiting": 3}
        assert len(receiver.taken) == 4
        # What was cut off is claimed until its lease ends, as after a crash.
        post.builder.execute("UPDATE callback SET claimed_until = 0 WHERE status = 'waiting'")
        receiver.answers[:] = [answer(200)]
        async with posted(*parts) as post:
            await post.signal_all(webhook)
            await delivery_worker.result()
        again = receiver.taken[4:]
    assert post.statuses() == {"delivered": 4}
    answered = {one.id for one in taken} - {one.id for one in again}
    assert (len(answered), len(again)) == (1, 3)


class _AnsweredWhenCutOff:
    """A caller of which every call is answered in the moment it is cut off, but one never."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.begun = asyncio.Event()

    async def deliver(self, callback_id: str, now: Instant) -> DeliveryOutcome:
        self.calls.append(callback_id)
        if len(self.calls) == 4:
            self.begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if callback_id == self.calls[0]:
                raise
        return DeliveryOutcome(DeliveryVerdict.DELIVERED, "200")


async def test_what_was_answered_while_the_worker_was_cut_off_is_written(
    parts: Parts,
) -> None:
    delivery_sender = _AnsweredWhenCutOff()
    async with posted(*parts, delivery_sender=delivery_sender) as post:
        webhook, _ = await post.subscribe("http://127.0.0.1:9/")
        await post.send(4)
        (delivery_worker,) = await post.signal_all(webhook)
        await delivery_sender.begun.wait()
    assert post.statuses() == {"delivered": 3, "waiting": 1}
    await delivery_worker.terminate()


class _Stubborn:
    """A caller that nothing ends."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.released = asyncio.Event()

    async def deliver(self, callback_id: str, now: Instant) -> DeliveryOutcome:
        self.begun.set()
        while not self.released.is_set():
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                continue
        return DeliveryOutcome(DeliveryVerdict.NOTHING, "nothing")


async def test_a_worker_that_cannot_end_is_left_behind(parts: Parts) -> None:
    delivery_sender = _Stubborn()
    async with posted(*parts, delivery_sender=delivery_sender) as post:
        webhook, _ = await post.subscribe("http://127.0.0.1:9/")
        await post.send()
        (delivery_worker,) = await post.signal_all(webhook)
        await delivery_sender.begun.wait()
        began = time.monotonic()
    assert GRACE_SECONDS < time.monotonic() - began < GRACE_SECONDS + 8
    # What it was at is still written, should it come to its end after all.
    delivery_sender.released.set()
    while post.statuses():
        await asyncio.sleep(0.01)
    await delivery_worker.terminate()


async def test_a_long_delivery_workflow_continues_as_new_and_loses_nothing(post: Post) -> None:
    # The second try is not due before the next run is there.
    async with receive(answer(500, retry_after="3600"), answer(200)) as receiver:
        webhook, _ = await post.subscribe(receiver.url)
        await post.send()
        (delivery_worker,) = await post.signal_all(webhook)
        await receiver.until(lambda taken: len(taken) == 1)
        first = (await delivery_worker.describe()).run_id
        # The server suggests it at 4 MB of history as well as at 4,096 events.
        for _ in range(9):
            await delivery_worker.signal("ballast", "x" * 500_000)
        while (await delivery_worker.describe()).run_id == first:
            await post.signal_all(webhook)
            await asyncio.sleep(0.05)
        assert post.statuses() == {"waiting": 1}
        post.builder.execute("UPDATE callback SET due_at = 0")
        await post.signal_all(webhook)
        outcome = await post.delivery_worker(webhook).result()
    assert (outcome.calls, outcome.delivered) == (2, 1)
    assert post.statuses() == {"delivered": 1}
