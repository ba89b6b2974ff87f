"""Godwit among the contenders: the set-ups of its stack, and what is read off each."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from bench import costs
from bench.carrier_calls import bring
from bench.contenders import godwit
from bench.series import PARTS
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


COSTS = ("wal", "writes", "entries")
RECEIPTS = ("api", "postgres", "wal")
KEPT = ("kept_loose", "kept_message", "kept_attempt")
# How many receipts are brought after a campaign.
RECEIPTS_MAX = 1_000
SETUPS = (
    Setup("sqlite", extras=("submission", "sqlite.worker")),
    Setup("sqlite_two", workers=2, extras=("sqlite_gain",)),
    Setup(
        "postgres",
        True,
        extras=(
            *("submission_postgres", "postgres.worker"),
            *(f"cost_{name}" for name in COSTS),
            *(f"receipt_{name}" for name in RECEIPTS),
            *KEPT,
        ),
    ),
    Setup("postgres_two", True, workers=2, extras=("postgres_gain",)),
)


async def measure(setup: Setup, stack: GodwitStack, count: int) -> dict[str, float]:
    """Send the common work through a stack that is warm; with the processor time of each part."""
    costly = setup.name == "postgres"
    packed = await asyncio.to_thread(costs.pack, stack) if costly else {}
    before = await asyncio.to_thread(costs.counters, stack)
    result = await godwit.contend(stack, count)
    after = await asyncio.to_thread(costs.counters, stack)
    spent = costs.per_message(before, after, count)
    values = {
        setup.name: count / result.whole,
        f"{setup.name}_sending": count / result.sending,
        **{f"{setup.name}.{part}": spent[part] for part in PARTS if part in spent},
    }
    if setup.name == "sqlite":
        values["submission"] = result.posting
    if costly:
        values["submission_postgres"] = result.posting
        values |= {f"cost_{name}": spent[name] for name in COSTS}
        values |= await _costly(stack, result.id, count, packed, after)
    return values


async def _costly(
    stack: GodwitStack,
    campaign_id: str,
    count: int,
    packed: Mapping[str, float],
    sent: Mapping[str, float],
) -> dict[str, float]:
    """Bring receipts of what was sent, and read what each cost and what stays of a message."""
    loose = gained(packed, await asyncio.to_thread(costs.table_bytes, stack))
    received = min(count, RECEIPTS_MAX)
    bodies = (await stack.carrier.bodies())[:received]
    await bring(str(stack.api.base_url), [body["reference"] for body in bodies])
    if (delivered := (await stack.counts(campaign_id))["delivered"]) != received:
        raise RuntimeError(f"{delivered} of {received} receipts were taken")
    last = await asyncio.to_thread(costs.counters, stack)
    kept = gained(packed, await asyncio.to_thread(costs.pack, stack))
    each = costs.per_message(sent, last, received)
    return {
        **{f"receipt_{name}": each[name] for name in RECEIPTS if name in each},
        "kept_loose": sum(loose.values()) / count,
        "kept_message": kept["message"] / count,
        "kept_attempt": kept["attempt"] / count,
    }
