"""What can go wrong, each as one coroutine that breaks something and, where it must, mends it."""

import asyncio
import os
import random
import shutil
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starter.embedded.options import StackOptions
from starter.embedded.stack import Stack
from tests.chaos.arena import LEASE_SECONDS, Arena, send
from tests.chaos.clocks import STEP_SECONDS

FULL_SECONDS = (2.0, 5.0)
STEPPED_SECONDS = (5.0, 12.0)
SECOND_STACK_SECONDS = 10.0
STANDBY_SECONDS_MAX = 3.0
COPIED_SECONDS = 30.0
# For so long Temporal is told orders that no worker reads before it is lost.
UNREAD_SECONDS = 3.0
# Without each of these no campaign can be accepted.
SERVICES = {"temporal", "postgres", "replica", "api"}

Act = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Fault:
    """A kind of fault; ``act`` is False when there was nothing to break.

    A ``needed`` one waits until requests are answered, so that some come through. Of one
    ``kind`` only one is under way at a time.
    """

    kind: str
    act: Act
    needed: bool = False


def faults(arena: Arena, rng: random.Random) -> list[Fault]:
    """One deal of faults: each kind as often as it is to happen, unless it cannot happen here."""
    deal: list[Fault] = []
    for part in arena.parts():
        name = part.name
        needed = name in SERVICES
        is_worker = name.startswith("worker-")
        # Workers are killed more often: nobody waits for one of them.
        times = 4 if is_worker else 1 if name == "carrier" else 2
        deal += [Fault(f"{name} killed", partial(_kill, arena, name), needed)] * times
        if is_worker:
            deal += [Fault(f"{name} stopped", partial(_terminate, arena, name))] * 2
            deal += [Fault(f"{name} frozen", partial(_freeze, arena, name, rng))]
        elif name in ("api", "temporal", arena.cluster and arena.cluster.primary):
            deal += [Fault(f"{name} frozen", partial(_freeze, arena, name, rng), needed)]
    deal += [Fault("all killed", partial(kill_all, arena), True)]
    deal += [Fault("temporal lost", partial(lose_temporal, arena), True)]
    deal += [Fault("second stack", partial(run_second_stack, arena), True)]
    if arena.cluster is not None:
        deal += [Fault("failover", partial(_fail_over, arena, rng), True)] * 2
    if arena.disk is not None:
        deal += [Fault("disk full", partial(_fill_disk, arena, rng), True)] * 2
    for name in arena.clocks:
        deal += [Fault(f"{name} clock", partial(_step_clock, arena, name, rng))]
    rng.shuffle(deal)
    return deal


async def mend(arena: Arena) -> None:
    """Bring everything back that a fault may have left broken."""
    if arena.disk is not None:
        await asyncio.to_thread(arena.disk.free)
    for clock in arena.clocks.values():
        clock.step(0)
    for part in arena.parts():
        arena.hurt(part.name, signal.SIGCONT)


async def kill_all(arena: Arena) -> bool:
    """Kill every process of the stack at once, the carrier and the database's servers too."""
    for part in arena.parts():
        arena.hurt(part.name, signal.SIGKILL)
    return True


async def lose_temporal(arena: Arena) -> bool:
    """Kill the workers, then Temporal with what it was told meanwhile: its database is deleted."""
    down = arena.stack.supervisor.down
    async with AsyncExitStack() as ending:
        for part in arena.stack.supervisor.parts:
            if part.name.startswith("worker-"):
                await ending.enter_async_context(down(part))
        await asyncio.sleep(UNREAD_SECONDS)
        await ending.enter_async_context(down(arena.part("temporal")))
        for file in {arena.data / "temporal.db", (arena.data / "temporal.db").resolve()}:
            for name in ("", "-wal", "-shm"):
                if not (path := Path(f"{file}{name}")).is_symlink():
                    path.unlink(missing_ok=True)
    return True


async def run_second_stack(arena: Arena) -> bool:
    """Run another stack, with a Temporal of its own, on the same store for a while."""
    options = StackOptions(
        arena.data.parent / "second", port=0, temporal_port=0, ui_port=0, workers=1
    )
    carrier = "GODWIT_CARRIER_PRETEND_BASE_URL"
    stack = Stack(options)
    try:
        os.environ[carrier] = str(arena.stack.description["carrier"])
        starting = asyncio.create_task(stack.start())
        # It reads its environment before it first waits.
        await asyncio.sleep(0)
        os.environ.pop(carrier)
        # A store that is away at this moment keeps it from starting, as it should.
        with suppress(Exception):
            async with asyncio.timeout(2 * SECOND_STACK_SECONDS):
                await starting
        await asyncio.sleep(SECOND_STACK_SECONDS)
    finally:
        os.environ.pop(carrier, None)
        send(signal.SIGKILL, [part.pid for part in stack.supervisor.parts])
        await stack.stop()
    kept = arena.data / "logs" / "second"
    async with asyncio.timeout(COPIED_SECONDS):
        # The disk may be full just now.
        while not await asyncio.to_thread(_copied, options.data / "logs", kept):
            await asyncio.sleep(0.5)
    await asyncio.to_thread(shutil.rmtree, options.data)
    return True


def _copied(logs: Path, kept: Path) -> bool:
    with suppress(shutil.Error):
        shutil.copytree(logs, kept, dirs_exist_ok=True)
        return True
    return False


async def _kill(arena: Arena, name: str) -> bool:
    return bool(arena.hurt(name, signal.SIGKILL))


async def _terminate(arena: Arena, name: str) -> bool:
    return bool(arena.hurt(name, signal.SIGTERM))


async def _freeze(arena: Arena, name: str, rng: random.Random) -> bool:
    """Stop a process for longer than the leases that it may hold, then let it go on."""
    if not (frozen := arena.hurt(name, signal.SIGSTOP)):
        return False
    longer = rng.uniform(2, 14) if name.startswith("worker-") else -rng.uniform(2, 5)
    await asyncio.sleep(LEASE_SECONDS + longer)
    # These very ones: of a server that was killed meanwhile, they keep the next one from starting.
    send(signal.SIGCONT, frozen)
    return True


async def _fail_over(arena: Arena, rng: random.Random) -> bool:
    assert arena.cluster is not None
    await arena.cluster.fail_over(rng.uniform(0, STANDBY_SECONDS_MAX))
    return True


async def _fill_disk(arena: Arena, rng: random.Random) -> bool:
    assert arena.disk is not None
    try:
        await asyncio.to_thread(arena.disk.fill)
        await asyncio.sleep(rng.uniform(*FULL_SECONDS))
    finally:
        await asyncio.to_thread(arena.disk.free)
    return True


async def _step_clock(arena: Arena, name: str, rng: random.Random) -> bool:
    """Set a process's clock an hour forward or back for a while."""
    part, clock = arena.part(name), arena.clocks[name]
    if part.process is None or part.process.returncode is not None:
        return False
    if b"LD_PRELOAD" not in Path(f"/proc/{part.pid}/environ").read_bytes():
        arena.hurt(name, signal.SIGKILL)
    clock.step(rng.choice((-1, 1)) * STEP_SECONDS)
    await asyncio.sleep(rng.uniform(*STEPPED_SECONDS))
    clock.step(0)
    return True
