"""The bell: whoever wrote news wakes the couriers of its destinations."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import TemporalError, WorkflowAlreadyStartedError

from campaign.failures import StoreUnavailable
from campaign.instants import SECOND, Instant
from store.shared.outbox import Destination, Outbox
from workflows.records import CourierOrder
from workflows.visibility import ACCOUNT
from workflows.webhook_delivery import CourierWorkflow

log = structlog.get_logger("godwit.bell")

# Whoever rings again within this time rings once: a campaign sends thousands of messages a second.
PAUSE_SECONDS = 1.0
# Whose news has waited for longer rests, or has no worker: more signals would only pile up, and
# thousands of them in one workflow task break it. The caretaker rings for these, now and then.
PATIENCE: Instant = 30 * SECOND
AT_ONCE = 16
RPC_SECONDS = 10.0


class Bell:
    """Signals couriers, and starts those that are not there. One for each process that writes.

    Nothing hangs on it: a signal that is lost, or a process that dies between its commit and the
    ringing, is made good by the caretaker's sweep.
    """

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = courier_queue(task_queue)
        self._rung: dict[str, Destination] = {}
        self._anybody = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ring(self, destinations: Sequence[Destination]) -> None:
        """Ask for couriers; returns at once, from any thread. Before ``answering``, nothing."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._add, destinations)

    @asynccontextmanager
    async def answering(self, outbox: Outbox) -> AsyncIterator[None]:
        """Answer an outbox's ringing inside the block."""
        self._loop = asyncio.get_running_loop()
        outbox.bell = self.ring
        waking = asyncio.create_task(self._wake_all(outbox))
        try:
            yield
        finally:
            waking.cancel()
            await asyncio.gather(waking, return_exceptions=True)

    async def _wake_all(self, outbox: Outbox) -> None:
        while True:
            await self._anybody.wait()
            self._anybody.clear()
            rung, self._rung = self._rung, {}
            before = time.time_ns() // 1_000_000 - PATIENCE
            try:
                left = await asyncio.to_thread(outbox.left_waiting, rung.keys(), before)
            except StoreUnavailable:
                left = ()
            await self.wake([one for one in rung.values() if one.id not in left])
            await asyncio.sleep(PAUSE_SECONDS)

    async def wake(self, destinations: Sequence[Destination]) -> None:
        """Signal the courier of each destination, with a start where there is none."""
        places = asyncio.Semaphore(AT_ONCE)

        async def signal(destination: Destination) -> None:
            async with places:
                try:
                    try:
                        await self._signal(destination)
                    except WorkflowAlreadyStartedError:
                        # Two started it at once; now it is there for the signal.
                        await self._signal(destination)
                except (TemporalError, RuntimeError) as error:
                    log.warning("a courier was not woken", error=type(error).__name__)

        await asyncio.gather(*map(signal, destinations))

    def _add(self, destinations: Sequence[Destination]) -> None:
        self._rung |= {destination.id: destination for destination in destinations}
        self._anybody.set()

    async def _signal(self, destination: Destination) -> None:
        await self._client.start_workflow(
            CourierWorkflow.run,
            CourierOrder(destination=destination.id),
            id=courier_id(destination.id),
            task_queue=self._task_queue,
            start_signal="wake",
            static_summary="callbacks",
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(ACCOUNT, destination.account_id)]
            ),
            priority=Priority(fairness_key=destination.account_id),
            rpc_timeout=timedelta(seconds=RPC_SECONDS),
        )


def courier_id(destination: str) -> str:
    """The workflow id of a destination's courier."""
    return f"courier:{destination}"


def courier_queue(task_queue: str) -> str:
    """Couriers have a task queue, and so places, of their own: callbacks never delay sending."""
    return f"{task_queue}-courier"
