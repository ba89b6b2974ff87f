"""One callback that breaks is one failed try of that callback."""

import asyncio

import pytest
from temporalio.testing import WorkflowEnvironment

from campaign.deliveries import DeliveryOutcome, DeliveryVerdict
from campaign.instants import Instant
from campaign.settings import Settings
from store.accounts.accounts import AccountView
from store.store import Store
from tests.telemetry.planting import NUMBER, leaks, recorded
from tests.webhook_worker import posted


class Stumbling:
    """A sender of deliveries that breaks over the first callback that it gets, each time."""

    def __init__(self) -> None:
        self.first = ""

    async def deliver(self, callback_id: str, now: Instant) -> DeliveryOutcome:
        """Break, or deliver."""
        self.first = self.first or callback_id
        if callback_id == self.first:
            raise IndexError(f"list index out of range: {NUMBER}")
        return DeliveryOutcome(DeliveryVerdict.DELIVERED, "200")


@pytest.mark.one_store
async def test_a_callback_that_raises_is_one_failed_try_and_stops_no_other(
    real: WorkflowEnvironment, settings: Settings, store: Store, account: AccountView
) -> None:
    delivery_sender = Stumbling()
    with recorded("json") as log:
        async with posted(real, settings, store, account, delivery_sender) as post:
            webhook, _ = await post.subscribe("http://127.0.0.1:9/")
            await post.send(9)
            (handle,) = await post.signal_all(webhook)
            async with asyncio.timeout(30):
                while post.statuses().get("delivered") != 8:
                    await asyncio.sleep(0.05)
            await handle.terminate()
    assert post.statuses() == {"delivered": 8, "waiting": 1}
    with store.database.engine.connect() as connection:
        (tries, code), *others = connection.exec_driver_sql(
            "SELECT tries, last_code FROM callback WHERE status = 'waiting'"
        )
    assert (tries, code, others) == (1, "unexpected", [])
    assert delivery_sender.first in log.getvalue() and leaks(log.getvalue()) == []
