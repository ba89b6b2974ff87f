"""A workflow for tests of traces, in a module that is cheap to import again in the sandbox."""

import asyncio

from temporalio import workflow


@workflow.defn
class Napper:
    """Sleeps twice, so that a worker without a cache replays it twice."""

    @workflow.run
    async def run(self) -> str:
        """Sleep, and return an id that a replay makes again."""
        await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        return str(workflow.uuid4())
