"""The nemesis: kills, stops and freezes parts by a seed, and one whole run of it."""

import asyncio
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.arena import Arena, arena
from tests.chaos.check import Verdict, check
from tests.chaos.customers import Customers

FREEZE_SECONDS = 4.0
RAGE_SECONDS = 60.0
SETTLE_SECONDS = 120.0
ENDS = {"finished", "finished_with_failures", "cancelled"}
KILLS_PER_CAMPAIGN = 0.75
# How often each part is chosen. A frozen worker wakes up after its leases have ended.
VICTIMS = {"worker-0": 4, "worker-1": 4, "temporal": 3, "postgres": 3, "api": 2, "carrier": 1}
# Without each of these no campaign can be accepted.
SERVICES = {"temporal", "postgres", "api"}


@dataclass
class Tally:
    """What a run did and what it came to."""

    seed: int
    database: str
    repeats: str
    seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    campaigns: int = 0
    verdict: Verdict = field(default_factory=Verdict)

    def row(self) -> dict[str, Any]:
        """One line of the table."""
        verdict = self.verdict
        return {
            "store": self.database,
            "carrier": self.repeats,
            "seed": self.seed,
            "seconds": round(self.seconds),
            "campaigns": self.campaigns,
            "sends": verdict.sends,
            "kills": self.kills.total(),
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "miscounted": verdict.miscounted,
            "unknown": verdict.unknown,
            "drift": verdict.drift,
            "audit": len(verdict.findings),
            "leaks": len(verdict.leaks),
        }


async def rage(arena: Arena, rng: random.Random, kills: Counter[str], pause: float) -> None:
    """Hurt a part every ``pause`` seconds or so, until cancelled; turns are dealt like cards."""
    deck: list[str] = []
    while True:
        await asyncio.sleep(rng.uniform(0.5, 1.5) * pause)
        if not deck:
            deck = [part.name for part in arena.parts() for _ in range(VICTIMS[part.name])]
            rng.shuffle(deck)
        name = deck.pop()
        if name in SERVICES and not await arena.is_answering():
            deck.insert(0, name)  # Between two of these a request must come through.
            continue
        if name.startswith("worker") and rng.random() < 0.2:
            if arena.hurt(name, signal.SIGSTOP):
                await asyncio.sleep(FREEZE_SECONDS)
                arena.hurt(name, signal.SIGCONT)
                kills[f"{name} frozen"] += 1
            continue
        number = signal.SIGKILL
        if name.startswith("worker") and rng.random() < 0.2:
            number = signal.SIGTERM
        if arena.hurt(name, number):
            kills[f"{name} {number.name}"] += 1


async def run(
    directory: Path, database: str, repeats: str, seed: int, campaigns: int, pause: float
) -> Tally:
    """One run: campaigns posted under attack, then peace until all have ended, then judgement."""
    rng = random.Random(seed)
    tally = Tally(seed, database, repeats)
    started = time.monotonic()
    async with arena(directory, database, repeats) as field:
        customers = Customers(field, rng)
        raging = asyncio.create_task(rage(field, rng, tally.kills, pause))
        try:
            for number in range(campaigns):
                # A fast machine would be done before the nemesis has begun.
                while tally.kills.total() < number * KILLS_PER_CAMPAIGN:
                    await asyncio.sleep(0.05)
                campaign_id = await customers.post(number)
                if number % 5 == 4:
                    await customers.steer(campaign_id, "pause")
                    await customers.steer(campaign_id, "resume")
                if number % 7 == 6:
                    await customers.steer(campaign_id, "cancel")
            await _until_most_is_sent(customers)
        finally:
            raging.cancel()
            await asyncio.gather(raging, return_exceptions=True)
        for worker in ("worker-0", "worker-1"):
            field.hurt(worker, signal.SIGCONT)
        await _until_ended(customers)
        log = await _carrier_log(field)
        account = field.account
        secrets = [str(account["keySecret"]), str(account["bearer"])]
        tally.campaigns = len(customers.posted)
        tally.verdict = check(field, log, secrets)
    tally.seconds = time.monotonic() - started
    return tally


async def _until_most_is_sent(customers: Customers) -> None:
    """Let the attack go on until nine messages in ten have had their turn."""
    wanted = 0.9 * sum(customers.posted.values())
    deadline = time.monotonic() + RAGE_SECONDS
    while time.monotonic() < deadline:
        done = 0
        for campaign_id in customers.posted:
            counts = (await customers.get(f"/v1/campaigns/{campaign_id}"))["counts"]
            waiting = counts["queued"] + counts["retryable"] + counts["sending"]
            done += counts["total"] - waiting
        if done >= wanted:
            return
        await asyncio.sleep(0.5)


async def _until_ended(customers: Customers) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    for campaign_id in customers.posted:
        while True:
            campaign = await customers.get(f"/v1/campaigns/{campaign_id}")
            if campaign["status"] in ENDS:
                break
            assert time.monotonic() < deadline, f"did not end: {campaign}"
            await asyncio.sleep(0.3)


async def _carrier_log(field: Arena) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.get(f"{field.stack.description['carrier']}/log?after=0")
        log: list[dict[str, Any]] = answer.json()
        return log
