"""Godwit among the contenders: the set-ups of its stack, and what is read off each."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import costs
from bench.contenders import godwit
from bench.served import StaticCarrier
from bench.servers import Postgres
from bench.stack import GodwitStack, godwit_stack
from bench.work import WARM_UP


@dataclass(frozen=True, slots=True)
class Setup:
    """A stack to measure; values that not every one has are its ``extras``."""

    name: str
    on_postgres: bool = False
    workers: int = 1
    extras: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names of all its values."""
        return (self.name, f"{self.name}_sending", *self.extras)


COSTS = tuple(
    f"cost_{name}" for name in ("worker", "api", "temporal", "database", "wal", "writes", "entries")
)
# Of a receipt, under which name it is read.
RECEIPTS = tuple((f"receipt_{name}", f"cost_{name}") for name in ("api", "database", "wal"))
KEPT = ("kept_loose", "kept_message", "kept_attempt")
# How many receipts are brought after a campaign, and how many of them at once.
RECEIPTS_MAX, AT_ONCE = 2_000, 64
SETUPS = (
    Setup("sqlite", extras=("submission",)),
    Setup("postgres", True, extras=("submission_postgres", *COSTS, *dict(RECEIPTS), *KEPT)),
    Setup("two", True, workers=2, extras=("two_gain",)),
)


async def measure(
    setup: Setup, carrier: StaticCarrier, directory: Path, server: Postgres | None, count: int
) -> dict[str, float]:
    """Start a stack anew and send the common work through it."""
    url = server.fresh() if server is not None else None
    theirs = url and url.replace("postgresql://", "postgresql+psycopg://")
    async with godwit_stack(carrier, directory, theirs, setup.workers) as stack:
        await godwit.warm_up(stack)
        if server is None or url is None or "cost_wal" not in setup.extras:
            told = await godwit.contend(stack, count)
            values = _rates(setup, told, count)
            return {**values, "submission": told.posting} if server is None else values
        values = await _costly(setup, stack, server, url, count)
    return values | await asyncio.to_thread(costs.kept, url, count + WARM_UP)


async def _costly(
    setup: Setup, stack: GodwitStack, server: Postgres, url: str, count: int
) -> dict[str, float]:
    """Send the common work, bring receipts, and read what each of them cost."""

    async def read() -> dict[str, float]:
        return await asyncio.to_thread(costs.counters, stack, server, url)

    before = await read()
    told = await godwit.contend(stack, count)
    after = await read()
    received = min(count, RECEIPTS_MAX)
    await _deliver(stack, received)
    if (delivered := (await stack.counts(told.id))["delivered"]) != received:
        raise RuntimeError(f"{delivered} of {received} receipts were taken")
    of_receipts = costs.per_message(after, await read(), received)
    return {
        **_rates(setup, told, count),
        "submission_postgres": told.posting,
        **costs.per_message(before, after, count),
        **{name: of_receipts[source] for name, source in RECEIPTS if source in of_receipts},
    }


async def _deliver(stack: GodwitStack, count: int) -> None:
    """Bring a receipt for each of so many messages, as a carrier does: one in each call."""
    at = datetime.now(UTC).isoformat()
    bodies = await stack.carrier.bodies()
    places = asyncio.Semaphore(AT_ONCE)

    async def bring(number: int, reference: str) -> None:
        # The static carrier answered each with its number, from 1.
        name = f"static-{number}"
        body = {"id": name, "reference": reference, "status": "delivered", "at": at}
        async with places:
            answer = await stack.api.post("/carriers/pretend/receipts", json=body)
            answer.raise_for_status()

    await asyncio.gather(
        *(bring(n, body["reference"]) for n, body in enumerate(bodies[:count], start=1))
    )


def _rates(setup: Setup, told: godwit.Told, count: int) -> dict[str, float]:
    return {setup.name: count / told.whole, f"{setup.name}_sending": count / told.sending}
