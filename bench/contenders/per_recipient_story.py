"""The workflow of (c), in a file of its own because the sandbox imports it again."""

import asyncio
from datetime import timedelta

from temporalio import workflow

# Temporal refuses more than 2,000 open activities of one workflow; beyond 100 it gets no quicker.
AT_ONCE = 100


@workflow.defn(name="PerRecipient")
class PerRecipient:
    """Sends to everyone, each message as an activity."""

    @workflow.run
    async def run(self, count: int) -> None:
        """Send ``count`` messages."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(index: int) -> None:
            async with places:
                await workflow.execute_activity(
                    "send_one", index, start_to_close_timeout=timedelta(seconds=30)
                )

        await asyncio.gather(*(one(index) for index in range(count)))
