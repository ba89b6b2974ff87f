"""The dispatcher goes on after every failure, and leaves alone what a signal cannot help."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from campaign.events import Destination
from campaign.instants import MINUTE, SECOND
from store.accounts.accounts import AccountView
from store.store import Store
from tests.store.builders import StoreBuilder
from tests.webhook_worker import make_event, wall_clock
from webhooks import dispatcher as module
from webhooks.dispatcher import WebhookDispatcher, delivery_workflow_id

URL = "https://hooks.example/in"


class FakeClient:
    """Notes who was signalled; raises what it was given, in turn."""

    def __init__(self, *failures: Exception) -> None:
        self.signalled: list[str] = []
        self.failures = list(failures)
        self.changed = asyncio.Event()

    async def start_workflow(self, *_: Any, id: str, start_signal: str, **__: Any) -> None:
        """Signal with a start."""
        assert start_signal == "wake"
        self.signalled.append(id)
        self.changed.set()
        if self.failures:
            raise self.failures.pop(0)

    async def until(self, count: int) -> None:
        """Wait for signals."""
        while len(self.signalled) < count:
            await self.changed.wait()
            self.changed.clear()


@pytest.fixture
def builder(store: Store, account: AccountView) -> StoreBuilder:
    return StoreBuilder(store, account.id)


@asynccontextmanager
async def notifying(builder: StoreBuilder, client: FakeClient) -> AsyncIterator[WebhookDispatcher]:
    dispatcher = WebhookDispatcher(cast(Client, client), "tests")
    async with dispatcher.serving(builder.store.outbox):
        yield dispatcher


def subscribe(builder: StoreBuilder) -> Destination:
    view, _ = builder.store.endpoints.add(builder.account_id, URL, ["*"], "native", wall_clock())
    return Destination(view.id, builder.account_id)


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)


async def test_an_event_signals_its_destination_once(builder: StoreBuilder) -> None:
    client = FakeClient()
    async with notifying(builder, client):
        destination = subscribe(builder)
        make_event(builder, 5, wall_clock())
        await asyncio.wait_for(client.until(1), 5)
        await asyncio.sleep(0.05)
    assert client.signalled == [delivery_workflow_id(destination.id)]


async def test_the_dispatcher_goes_on_after_a_signal_that_failed(builder: StoreBuilder) -> None:
    started = WorkflowAlreadyStartedError("courier:1", "Courier")
    client = FakeClient(started, started, RuntimeError("closed"))
    async with notifying(builder, client) as dispatcher:
        for count in (2, 3, 4):
            dispatcher.notify([Destination("whk_1", builder.account_id)])
            await asyncio.wait_for(client.until(count), 5)
    assert client.signalled == [delivery_workflow_id("whk_1")] * 4


async def test_a_ring_that_met_a_start_is_repeated(builder: StoreBuilder) -> None:
    client = FakeClient(WorkflowAlreadyStartedError("courier:1", "Courier"))
    await WebhookDispatcher(cast(Client, client), "tests").signal_all(
        [Destination("whk_1", builder.account_id)]
    )
    assert len(client.signalled) == 2


async def test_a_destination_that_rests_or_has_no_worker_is_not_flooded_with_signals(
    builder: StoreBuilder,
) -> None:
    client = FakeClient()
    async with notifying(builder, client):
        resting = subscribe(builder)
        make_event(builder, 1, wall_clock() - MINUTE)
        other = subscribe(builder)
        for _ in range(3):
            make_event(builder, 1, wall_clock())
            await asyncio.sleep(0.05)
        await asyncio.wait_for(client.until(1), 5)
    assert delivery_workflow_id(other.id) in client.signalled
    assert delivery_workflow_id(resting.id) not in client.signalled


def test_only_what_is_due_and_untouched_for_long_is_left_waiting(builder: StoreBuilder) -> None:
    destination = subscribe(builder).id
    now = wall_clock()
    make_event(builder, 1, now)
    outbox, callbacks = builder.store.outbox, builder.store.deliveries
    due_at = callbacks.next_due(destination)
    assert due_at is not None
    assert outbox.left_waiting([destination, "whk_other"], due_at) == {destination}
    assert outbox.left_waiting([destination], due_at - 1) == set()
    assert outbox.left_waiting(["whk_other"], due_at) == set()
    assert outbox.left_waiting([], due_at) == set()
    callbacks.flush_and_claim(destination, "t", [], 1, due_at, due_at + SECOND)
    assert outbox.left_waiting([destination], due_at) == set()
    assert outbox.left_waiting([destination], due_at + SECOND) == {destination}
