"""The nemesis: deals faults by a seed, and one whole run: attack, peace, and judgement."""

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign.rates import sender_scope
from campaign.settings import Settings
from store.store import open_store
from tests.chaos.arena import Arena, SystemUnderTest, arena, is_answering
from tests.chaos.check import Verdict, check, leaks
from tests.chaos.customers import ENDS, SLOW_SENDER, Customers, Posted
from tests.chaos.faults import Fault, faults, mend
from tests.chaos.orders import forgotten

READY_SECONDS = 60.0
ORDERS_SECONDS = 40.0
# A cancelled campaign first finds out what has left, and waits for its receipts.
CANCELS_SECONDS = 120.0
SETTLE_SECONDS = 180.0
ASKED_AT_ONCE = 20


@dataclass(frozen=True)
class Attack:
    """What a run attacks, for how long, and with what in the way of customers.

    It lasts ``seconds``, or until the carrier has accepted ``sends`` if that is given. ``pause``
    is about how long nothing breaks after a fault. Without ``backoff`` every message that the
    carrier puts off fails, and is retried by its customer. With ``clocks`` the API's is stepped.
    Faults are those whose kind contains ``only``.
    """

    database: str
    repeats: str
    seed: int
    seconds: float
    pause: float = 1.5
    sends: int | None = None
    customers: int = 5
    sizes: tuple[int, int] = (100, 1_500)
    sender_rate: float = 150.0
    backoff: bool = True
    clocks: bool = False
    only: str = ""


@dataclass
class Tally:
    """What a run did and what it came to."""

    attack: Attack
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    campaigns: int = 0
    orders: int = 0
    revived: int = 0
    missing: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    def row(self) -> dict[str, Any]:
        """One line of the table."""
        verdict = self.verdict
        return {
            "store": self.attack.database,
            "carrier": self.attack.repeats,
            "seed": self.attack.seed,
            "seconds": round(self.seconds),
            "sends": verdict.sends,
            "faults": self.faults.total(),
            "orders": self.orders,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "miscounted": verdict.miscounted,
            "unknown": verdict.unknown,
            "drift": verdict.drift,
            "audit": len(verdict.findings),
            "leaks": len(verdict.leaks),
            "paused but sent": len(verdict.paused_sent),
            "forgotten orders": len(verdict.forgotten),
        }


async def run(directory: Path, attack: Attack) -> Tally:
    """One run: campaigns posted under attack, then peace until all have ended, then judgement."""
    rng = random.Random(attack.seed)
    tally = Tally(attack)
    started = time.monotonic()
    settings = {} if attack.backoff else {"GODWIT_RETRY_BACKOFF_SECONDS": ""}
    async with arena(
        directory, attack.database, attack.repeats, settings, has_clocks=attack.clocks
    ) as field:
        await asyncio.to_thread(limit_sender, field, attack.sender_rate)
        customers = Customers(field, rng, attack.sizes)
        stop = asyncio.Event()
        attacked = [rage(field, rng, tally.faults, attack, stop)]
        attacked += [customers.buy(stop) for _ in range(attack.customers)]
        async with asyncio.TaskGroup() as group:
            for each in attacked:
                group.create_task(each)
            await _until_over(field, attack)
            stop.set()
        await mend(field)
        forgotten = await settle(field, customers)
        verdict = await asyncio.to_thread(
            check, field, await field.carrier_log(), customers.posted.values()
        )
        verdict.forgotten += forgotten
        verdict.leaks = await leaks(field, customers.numbers)
        tally.verdict, tally.missing = verdict, field.missing
        tally.campaigns, tally.revived = len(customers.posted), customers.revived
        tally.orders = sum(len(posted.orders) for posted in customers.posted.values())
    tally.seconds = time.monotonic() - started
    return tally


async def rage(
    arena: Arena, rng: random.Random, done: Counter[str], attack: Attack, stop: asyncio.Event
) -> None:
    """Break something again and again; what takes a while goes on beside the rest."""
    under_way: dict[str, asyncio.Task[None]] = {}
    deal: list[Fault] = []

    async def act(fault: Fault) -> None:
        if await fault.act():
            done[fault.kind] += 1

    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(rng.uniform(0.5, 1.5) * attack.pause):
                await stop.wait()
        under_way = {kind: task for kind, task in under_way.items() if not task.done()}
        deal = deal or [each for each in faults(arena, rng) if attack.only in each.kind]
        fault = deal.pop()
        if fault.kind in under_way or (fault.needed and not await arena.is_answering()):
            deal.insert(0, fault)
            continue
        under_way[fault.kind] = asyncio.create_task(act(fault))
    await asyncio.gather(*under_way.values())


async def settle(field: SystemUnderTest, customers: Customers) -> list[str]:
    """Let everything come back, look whether orders hold, then have every campaign end.

    Returns the orders that were forgotten.
    """
    deadline = time.monotonic() + READY_SECONDS
    while not await is_answering(field.api):
        assert time.monotonic() < deadline, "the stack did not come back"
        await asyncio.sleep(0.2)
    began = time.monotonic()
    while left := await _forgotten(field, customers):
        only_cancels = all(" cancel: " in line for line in left)
        if time.monotonic() > began + (CANCELS_SECONDS if only_cancels else ORDERS_SECONDS):
            break
        await asyncio.sleep(1)
    for posted in customers.posted.values():
        if _is_paused(posted):
            await customers.order(posted, "resume")
    deadline = time.monotonic() + SETTLE_SECONDS
    slots = asyncio.Semaphore(ASKED_AT_ONCE)

    async def end(posted: Posted) -> None:
        async with slots:
            await _until_ended(customers, posted, deadline)
            while await customers.retry(posted):
                await _until_ended(customers, posted, deadline)

    await asyncio.gather(*map(end, customers.posted.values()))
    return left


async def _until_over(field: Arena, attack: Attack) -> None:
    deadline = time.monotonic() + attack.seconds
    while time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        if attack.sends is not None and _accepted(field) >= attack.sends:
            return


def _accepted(field: Arena) -> int:
    """How many messages the carrier has accepted, from its log."""
    with (field.data / "carrier.log.jsonl").open("rb") as log:
        return sum(block.count(b"\n") for block in iter(lambda: log.read(1 << 20), b""))


async def _forgotten(field: SystemUnderTest, customers: Customers) -> list[str]:
    shown = {id: await customers.get(f"/v1/campaigns/{id}") for id in customers.posted}
    rates = await asyncio.to_thread(_rates, field)
    found = [forgotten(each, shown[id], rates) for id, each in customers.posted.items()]
    return [line for lines in found for line in lines]


async def _until_ended(customers: Customers, posted: Posted, deadline: float) -> None:
    while True:
        campaign = await customers.get(f"/v1/campaigns/{posted.id}")
        if campaign["status"] in ENDS:
            return
        assert time.monotonic() < deadline, f"did not end: {campaign} {posted.orders}"
        await customers.resume_if_revived(posted, campaign)
        await asyncio.sleep(0.3)


def _is_paused(posted: Posted) -> bool:
    control = posted.last("pause", "resume", "cancel")
    return control is not None and control.verb == "pause"


def _rates(field: SystemUnderTest) -> dict[str, float]:
    store = open_store(Settings(database_url=field.url))
    try:
        return dict(store.rates.rates())
    finally:
        store.close()


def limit_sender(field: SystemUnderTest, rate: float) -> None:
    """Give the slow sender of the customers its rate."""
    store = open_store(Settings(database_url=field.url))
    try:
        scope = sender_scope(field.account["accountId"], SLOW_SENDER)
        store.rates.set_rate(scope, rate)
    finally:
        store.close()
