"""Godwit among the contenders: the set-ups of its stack, and what is read off each."""

import asyncio
from dataclasses import dataclass

from bench import costs
from bench.carrier_calls import bring
from bench.contenders import godwit
from bench.stack import GodwitStack
from bench.usage import gained


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
# How many receipts are brought after a campaign.
RECEIPTS_MAX = 1_000
SETUPS = (
    Setup("sqlite", extras=("submission",)),
    Setup("sqlite_two", workers=2, extras=("sqlite_gain",)),
    Setup("postgres", True, extras=("submission_postgres", *COSTS, *dict(RECEIPTS), *KEPT)),
    Setup("postgres_two", True, workers=2, extras=("postgres_gain",)),
)


async def measure(setup: Setup, stack: GodwitStack, count: int) -> dict[str, float]:
    """Send the common work through a stack that is warm."""
    if setup.name == "postgres":
        return await _costly(setup, stack, count)
    result = await godwit.contend(stack, count)
    extras = {"submission": result.posting} if "submission" in setup.extras else {}
    return {**_rates(setup, result, count), **extras}


async def _costly(setup: Setup, stack: GodwitStack, count: int) -> dict[str, float]:
    """Send the common work, bring receipts, and read what each of them cost."""
    packed = await asyncio.to_thread(costs.pack, stack)
    before = await asyncio.to_thread(costs.counters, stack)
    result = await godwit.contend(stack, count)
    after = await asyncio.to_thread(costs.counters, stack)
    loose = gained(packed, await asyncio.to_thread(costs.table_bytes, stack))
    received = min(count, RECEIPTS_MAX)
    bodies = (await stack.carrier.bodies())[:received]
    await bring(str(stack.api.base_url), [body["reference"] for body in bodies])
    if (delivered := (await stack.counts(result.id))["delivered"]) != received:
        raise RuntimeError(f"{delivered} of {received} receipts were taken")
    last = await asyncio.to_thread(costs.counters, stack)
    kept = gained(packed, await asyncio.to_thread(costs.pack, stack))
    of_receipts = costs.per_message(after, last, received)
    return {
        **_rates(setup, result, count),
        "submission_postgres": result.posting,
        **costs.per_message(before, after, count),
        **{name: of_receipts[source] for name, source in RECEIPTS if source in of_receipts},
        "kept_loose": sum(loose.values()) / count,
        "kept_message": kept["message"] / count,
        "kept_attempt": kept["attempt"] / count,
    }


def _rates(setup: Setup, result: godwit.Outcome, count: int) -> dict[str, float]:
    return {setup.name: count / result.whole, f"{setup.name}_sending": count / result.sending}
