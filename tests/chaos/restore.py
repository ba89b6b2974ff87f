"""A run in which an older copy of the store is restored while carrier and Temporal remember.

It is judged apart. What was sent after the copy may be sent again, but only by a carrier that
neither drops a repeat nor can be asked; campaigns and orders of that time are gone.
"""

import asyncio
import random
import shutil
import sqlite3
import time
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

from campaign.settings import Settings
from store.campaigns.restores import mark_restored
from store.store import open_store
from tests.chaos.arena import Arena, SystemUnderTest, arena
from tests.chaos.check import Restored, check, leaks
from tests.chaos.customers import Customers, Posted, now
from tests.chaos.nemesis import Attack, Tally, rage, settle


async def run_restored(directory: Path, attack: Attack) -> Tally:
    """As ``nemesis.run``, with a copy halfway through the attack that is restored at its end."""
    rng = random.Random(attack.seed)
    tally = Tally(attack)
    started = time.monotonic()
    async with arena(directory, attack.database, attack.repeats) as field:
        customers = Customers(field, rng, attack.sizes)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for each in [customers.buy(stop) for _ in range(attack.customers)]:
                group.create_task(each)
            quiet = asyncio.Event()
            raging = group.create_task(rage(field, rng, tally.faults, attack, quiet))
            await asyncio.sleep(attack.seconds / 2)
            quiet.set()
            await raging
            known = {str(row["reference"]) for row in await field.carrier_log()}
            copied_from = now()
            copy = await asyncio.to_thread(_copy, field)
            copied_until = now()
            await asyncio.sleep(attack.seconds / 2)
            stop.set()
        # Temporal's workflows keep a pause that the copy does not know.
        for one in list(customers.posted.values()):
            await customers.order(one, "pause")
        log = await _restore(field, copy)
        tally.faults["store restored"] += 1
        restored = Restored(
            late={str(row["reference"]) for row in log} - known,
            rows=len(log),
            repeats=attack.repeats,
        )
        posted = list(customers.posted.values())
        customers.posted = {
            each.id: as_of(each, copied_from, copied_until)
            for each in posted
            if await exists(field, each)
        }
        forgotten = await settle(field, customers)
        log = await field.carrier_log()
        tally.verdict = await asyncio.to_thread(check, field, log, posted, restored)
        tally.verdict.forgotten += forgotten
        tally.verdict.leaks = await leaks(field, customers.numbers)
        tally.missing, tally.campaigns = field.missing, len(posted)
        tally.revived = customers.revived
    tally.seconds = time.monotonic() - started
    return tally


def _file(field: Arena) -> Path:
    return Path(field.url.removeprefix("sqlite:///"))


def _copy(field: Arena) -> Path:
    """Copy the file as it is at one moment of the run, without a campaign that has no verdict yet.

    Such a draft stays one, with its key, because Temporal has run it to its end meanwhile: the
    tests of lost workflows hold that.
    """
    copy = field.data.parent / "copy.db"
    with closing(sqlite3.connect(_file(field), timeout=30)) as source:
        while True:
            with closing(sqlite3.connect(copy)) as target:
                source.backup(target)
                drafts = "SELECT count(*) FROM campaign WHERE status = 'draft'"
                if target.execute(drafts).fetchone() == (0,):
                    return copy


async def _restore(field: Arena, copy: Path) -> list[dict[str, Any]]:
    """Put the copy in the store's place while nothing runs that uses it.

    Returns what the carrier had accepted by then.
    """
    down = field.stack.supervisor.down
    async with AsyncExitStack() as ending:
        for part in field.stack.supervisor.parts:
            if part.name == "api" or part.name.startswith("worker-"):
                await ending.enter_async_context(down(part))
        file = _file(field)
        for name in ("-wal", "-shm"):
            Path(f"{file}{name}").unlink(missing_ok=True)
        await asyncio.to_thread(shutil.copyfile, copy, file)
        await asyncio.to_thread(_mark_restored, field)
        log = await field.carrier_log()
    await _until_answering(field)
    return log


def _mark_restored(field: Arena) -> None:
    """As ``godwit db restored`` does it."""
    store = open_store(Settings(database_url=field.url))
    try:
        mark_restored(store.database, store.clock.now())
    finally:
        store.close()


async def _until_answering(field: Arena) -> None:
    async with asyncio.timeout(60):
        while not await field.is_answering():
            await asyncio.sleep(0.2)


async def exists(field: SystemUnderTest, posted: Posted) -> bool:
    """Tell whether the store has a campaign."""
    return (await field.api.get(f"/v1/campaigns/{posted.id}")).status_code == 200


def as_of(posted: Posted, since: int, until: int) -> Posted:
    """A campaign with the orders that the copy has; with none where that cannot be said."""
    if any(order.asked_at <= until and order.answered_at >= since for order in posted.orders):
        return Posted(posted.id, posted.people)
    orders = [order for order in posted.orders if order.answered_at < since]
    return Posted(posted.id, posted.people, orders)
