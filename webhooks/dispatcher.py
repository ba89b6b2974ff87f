"""Tells the delivery workflow of each endpoint that events wait for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import TemporalError, WorkflowAlreadyStartedError

from campaign.events import Destination
from campaign.failures import StoreUnavailable
from campaign.instants import SECOND, Instant
from store.clock import wall_clock
from store.shared.outbox import Outbox
from telemetry.logs import get_logger
from workflows.records import WebhookDeliveryInput
from workflows.visibility import ACCOUNT
from workflows.webhook_delivery import WebhookDeliveryWorkflow

log = get_logger("godwit.webhooks")

# Within this time an endpoint is signalled once: a campaign sends thousands of messages a second.
PAUSE_SECONDS = 1.0
# An endpoint whose events wait for longer rests, or has no worker: signals would only pile up, and
# thousands of them in one workflow task break it. The reconciler signals these, now and then.
STALE_AFTER: Instant = 30 * SECOND
AT_ONCE = 16
RPC_SECONDS = 10.0


class WebhookDispatcher:
    """Signals delivery workflows, and starts missing ones. One for each process that writes.

    Nothing hangs on it: a signal that is lost, or a process that dies between its commit and the
    signal, is made up for by the reconciler.
    """

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = webhook_queue(task_queue)
        self._pending: dict[str, Destination] = {}
        self._any_pending = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def notify(self, destinations: Sequence[Destination]) -> None:
        """Ask for deliveries; returns at once, from any thread. No-op before ``serving``."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._add, destinations)

    @asynccontextmanager
    async def serving(self, outbox: Outbox) -> AsyncIterator[None]:
        """Signal what an outbox notifies of, inside the block."""
        self._loop = asyncio.get_running_loop()
        outbox.on_commit = self.notify
        signalling = asyncio.create_task(self._signal_pending(outbox))
        try:
            yield
        finally:
            signalling.cancel()
            await asyncio.gather(signalling, return_exceptions=True)

    async def _signal_pending(self, outbox: Outbox) -> None:
        while True:
            await self._any_pending.wait()
            self._any_pending.clear()
            pending, self._pending = self._pending, {}
            before = wall_clock() - STALE_AFTER
            try:
                left = await asyncio.to_thread(outbox.left_waiting, pending.keys(), before)
            except StoreUnavailable:
                left = ()
            await self.signal_all([one for one in pending.values() if one.id not in left])
            await asyncio.sleep(PAUSE_SECONDS)

    async def signal_all(self, destinations: Sequence[Destination]) -> None:
        """Signal the delivery workflow of each destination, and start missing ones."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def signal(destination: Destination) -> None:
            async with slots:
                try:
                    try:
                        await self._signal(destination)
                    except WorkflowAlreadyStartedError:
                        # Two started it at once; now it is there for the signal.
                        await self._signal(destination)
                except (TemporalError, RuntimeError) as error:
                    log.warning("a delivery workflow was not signalled", error=type(error).__name__)

        await asyncio.gather(*map(signal, destinations))

    def _add(self, destinations: Sequence[Destination]) -> None:
        self._pending |= {destination.id: destination for destination in destinations}
        self._any_pending.set()

    async def _signal(self, destination: Destination) -> None:
        await self._client.start_workflow(
            WebhookDeliveryWorkflow.run,
            WebhookDeliveryInput(destination=destination.id),
            id=delivery_workflow_id(destination.id),
            task_queue=self._task_queue,
            start_signal="wake",
            static_summary="callbacks",
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(ACCOUNT, destination.account_id)]
            ),
            priority=Priority(fairness_key=destination.account_id),
            rpc_timeout=timedelta(seconds=RPC_SECONDS),
        )


def delivery_workflow_id(destination: str) -> str:
    """The workflow id of a destination's deliveries."""
    return f"courier:{destination}"


def webhook_queue(task_queue: str) -> str:
    """Deliveries have a task queue, and so slots, of their own: they never delay sending."""
    return f"{task_queue}-courier"
