"""How long requests and sends stood still: what customers notice of a fault."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.chaos.customers import Posted, now
from tests.chaos.orders import instant
from tests.cluster.system import Cluster

PROBE_SECONDS = 0.2
ANSWER_SECONDS = 2.0


@dataclass
class Probe:
    """Asks through the proxy again and again, and keeps when each answer came."""

    system: Cluster
    path: str

    def __post_init__(self) -> None:
        self._answered: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Probe":
        self._task = asyncio.create_task(self._ask())
        return self

    async def __aexit__(self, *raised: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def longest(self, since: float) -> float:
        """The longest time without an answer since a monotonic instant, in seconds."""
        answered = [at for at in self._answered if at >= since]
        return longest([since, *answered, time.monotonic()])

    def is_answered(self, since: float) -> bool:
        """Whether an answer came since a monotonic instant."""
        return bool(self._answered) and self._answered[-1] >= since

    async def _ask(self) -> None:
        while True:
            try:
                answer = await self.system.api.get(self.path, timeout=ANSWER_SECONDS)
                if answer.status_code == 200:
                    self._answered.append(time.monotonic())
            except httpx.TransportError:
                pass
            await asyncio.sleep(PROBE_SECONDS)


class Sends:
    """The instants at which the carrier accepted messages of one campaign, read as they come."""

    def __init__(self, system: Cluster, posted: Posted) -> None:
        self._system, self._posted = system, posted
        self._read = 0
        self._messages: set[str] = set()
        self.instants: list[int] = []

    async def refresh(self) -> None:
        """Read what the carrier has accepted since the last time."""
        if not self._messages:
            self._messages = await _messages_of(self._system, self._posted.id)
        rows: list[dict[str, Any]] = await self._system.carrier_log(self._read)
        self._read += len(rows)
        self.instants += [instant(row["at"]) for row in rows if row["reference"] in self._messages]

    async def until(self, count: int, seconds: float) -> None:
        """Wait until so many were accepted."""
        deadline = time.monotonic() + seconds
        while len(self.instants) < count:
            assert time.monotonic() < deadline, f"{len(self.instants)} of {count} were sent"
            await asyncio.sleep(0.1)
            await self.refresh()

    def longest(self, since: int) -> float:
        """The longest time without a send since an instant in milliseconds, in seconds."""
        sent = sorted(at for at in self.instants if at >= since)
        return longest([at / 1_000 for at in (since, *sent, now())])


def longest(instants: Sequence[float]) -> float:
    """The longest time between two instants that follow each other."""
    return max(later - earlier for earlier, later in zip(instants, instants[1:], strict=False))


async def _messages_of(system: Cluster, campaign: str) -> set[str]:
    found: set[str] = set()
    after = ""
    while True:
        path = f"/v1/campaigns/{campaign}/messages?limit=1000{after}"
        page = (await system.api.get(path)).raise_for_status().json()
        found |= {message["id"] for message in page["messages"]}
        if page["next"] is None:
            return found
        after = f"&cursor={page['next']}"
