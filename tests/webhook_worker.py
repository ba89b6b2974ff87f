"""Webhook delivery for one test: a worker, a dispatcher, and events to deliver."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from campaign.deliveries import DeliverySender
from campaign.events import Destination
from campaign.instants import MINUTE, SECOND, Instant, instant_of
from campaign.settings import Settings
from dialects.renderers import RENDERERS
from store.accounts.accounts import AccountView
from store.store import Store
from store.webhooks.endpoints import WebhookView
from tests.store.builders import StoreBuilder, outcome
from tests.webhooks.peers import egress_client
from webhooks.dispatcher import WebhookDispatcher, delivery_workflow_id
from webhooks.sender import WebhookSender
from worker import build_webhook_worker
from workflows.records import WebhookDeliveryResult
from workflows.webhook_delivery import WebhookDeliveryWorkflow

Handle = WorkflowHandle[WebhookDeliveryWorkflow, WebhookDeliveryResult]
# One leap may meet many calls that wait for their deadlines in real time, and is itself one
# call with a deadline of thirty seconds.
LEAP_MAX: Instant = 5 * MINUTE


@dataclass
class Post:
    """An account's webhooks and the workflows that deliver to them."""

    environment: WorkflowEnvironment
    settings: Settings
    builder: StoreBuilder
    dispatcher: WebhookDispatcher

    async def now(self) -> Instant:
        """The server's present instant."""
        return instant_of(await self.environment.get_current_time())

    async def subscribe(self, url: str, *events: str) -> tuple[WebhookView, str]:
        """A webhook of the account and its secret."""
        account = self.builder.account_id
        wanted = events or ("message.*",)
        return self.builder.store.endpoints.add(account, url, wanted, "native", await self.now())

    async def send(self, count: int = 1) -> str:
        """Send a campaign, which makes news; its id."""
        return make_event(self.builder, count, await self.now())

    async def signal_all(self, *webhooks: WebhookView) -> Sequence[Handle]:
        """Signal the delivery workflows of webhooks; returns their handles."""
        account = self.builder.account_id
        await self.dispatcher.signal_all([Destination(webhook.id, account) for webhook in webhooks])
        return [self.delivery_worker(webhook) for webhook in webhooks]

    def delivery_worker(self, webhook: WebhookView) -> Handle:
        """The delivery workflow of a webhook."""
        client = self.environment.client
        return client.get_workflow_handle_for(
            WebhookDeliveryWorkflow.run, delivery_workflow_id(webhook.id)
        )

    async def finished(self, handle: Handle) -> WebhookDeliveryResult:
        """Let time pass until a delivery workflow has nothing left to do."""
        if not self.environment.supports_time_skipping:
            return await handle.result()
        seen, step = -1, SECOND
        while True:
            described = await handle.describe()
            if described.status is not WorkflowExecutionStatus.RUNNING:
                break
            raw = described.raw_description
            if raw.pending_activities or raw.HasField("pending_workflow_task"):
                await asyncio.sleep(0.005)
                continue
            step = SECOND if described.history_length != seen else min(2 * step, LEAP_MAX)
            seen = described.history_length
            await self._leap(handle, step)
        # Never unlocked: left to itself, the server leaps years once nothing is left to do.
        with self.environment.auto_time_skipping_disabled():
            return await handle.result()

    async def _leap(self, handle: Handle, step: Instant) -> None:
        """Leap to what is due next; where that waits for a rest to end, a little further."""
        now, destination = await self.now(), handle.id.removeprefix("courier:")
        due_at = self.builder.store.deliveries.next_due(destination)
        wait = step if due_at is None or due_at <= now else due_at - now
        await self.environment.sleep(timedelta(milliseconds=wait))

    async def skip(self, wait: Instant) -> None:
        """Let time pass, in leaps that are short enough to be granted."""
        end = await self.now() + wait
        while (now := await self.now()) < end:
            leap = min(end - now, LEAP_MAX)
            await self.environment.sleep(timedelta(milliseconds=leap))

    def statuses(self) -> dict[str, int]:
        """How many callbacks stand where."""
        with self.builder.store.database.engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT status, count(*) FROM callback GROUP BY status"
            )
            return {row[0]: row[1] for row in found}


@asynccontextmanager
async def posted(
    environment: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    delivery_sender: DeliverySender | None = None,
    **options: Any,
) -> AsyncIterator[Post]:
    """Run delivery workflows on an environment; calls may go to loopback."""
    options = {"timeout_seconds": settings.callback_timeout_seconds, **options}
    async with egress_client(**options) as egress:
        delivery_sender = delivery_sender or WebhookSender(store.events, egress, RENDERERS)
        client = environment.client
        dispatcher = WebhookDispatcher(client, settings.task_queue)
        async with build_webhook_worker(client, settings, store, delivery_sender, sandboxed=True):
            yield Post(environment, settings, StoreBuilder(store, account.id), dispatcher)


def make_event(builder: StoreBuilder, count: int, now: Instant) -> str:
    """Send a campaign at an instant, and write of it then; its id."""
    campaign = builder.admit(count, now=now)
    claimed = builder.flush_and_claim(campaign, now=now).claimed
    sent = [outcome(one.position, at=now) for one in claimed]
    builder.flush_and_claim(campaign, sent, claim=0, now=now)
    return campaign


def wall_clock() -> Instant:
    """The present instant of this machine."""
    return time.time_ns() // 1_000_000
