"""Sleeps on the time-skipping server, which may keep a lock of its time for good.

The server skips time while nothing holds a lock of it: a sleep gives one back for its length, and
tasks and queries take one each. On a busy machine it loses an unlock now and then. From then on
each sleep lasts as long as its real time, until one more lock is given back.
(TestService.unlockTimeSkippingWhileSleep and SelfAdvancingTimerImpl in
https://github.com/temporalio/sdk-java, temporal-test-server.)
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.api.testservice.v1 import UnlockTimeSkippingRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from campaign.instants import SECOND, Instant, instant_of

LOOK_EVERY_SECONDS = 3.0
# Where time is skipped, far more of it passes between two looks.
REAL_TIME_MAX: Instant = round(2 * LOOK_EVERY_SECONDS * SECOND)


async def sleep(
    environment: WorkflowEnvironment,
    client: Client,
    length: Instant,
    idle: Callable[[Instant], Awaitable[bool]],
) -> None:
    """Let so many milliseconds pass at the server.

    When time stands still although the server is ``idle`` at that instant, a lost lock is given
    back.
    """
    sleeping = asyncio.ensure_future(environment.sleep(timedelta(milliseconds=length)))
    looked_at: Instant | None = None
    try:
        while True:
            done, _ = await asyncio.wait({sleeping}, timeout=LOOK_EVERY_SECONDS)
            if done:
                return sleeping.result()
            now = instant_of(await environment.get_current_time())
            stands = looked_at is not None and now - looked_at < REAL_TIME_MAX
            looked_at = now
            if stands and await idle(now) and not sleeping.done():
                await client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
                looked_at = None
    finally:
        sleeping.cancel()
