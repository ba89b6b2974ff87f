"""Every role of the installation is killed once, one is frozen; how long each could be noticed."""

import asyncio
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.customers import Posted, now
from tests.cluster.containers import Container
from tests.cluster.measures import Probe, Sends
from tests.cluster.system import Cluster

# In the order in which they are broken. The carrier is the judge's witness and stays up.
ROLES = (
    "temporal",
    "temporal-history",
    "temporal-matching",
    "temporal-worker",
    "api",
    "worker",
    "limits",
)
FROZEN_ROLE = "temporal-history"
FROZEN_SECONDS = 10.0
CALM_SECONDS = 6.0
QUIET_SECONDS = 2.0
RECOVERY_SECONDS = 90.0


@dataclass(frozen=True)
class Recovery:
    """What was done, and what it cost: all in seconds."""

    fault: str
    healthy: float
    unanswered: float
    unsent: float


async def break_everything(system: Cluster, steady: Posted) -> list[Recovery]:
    """Break one part after another while a campaign is sent at an even rate.

    The first row is a time without a fault, to compare with.

    Raises:
        AssertionError: something did not come back within ``RECOVERY_SECONDS``.
    """
    sends = Sends(system, steady)
    await sends.until(50, RECOVERY_SECONDS)
    rows = []
    async with Probe(system, f"/v1/campaigns/{steady.id}") as probe:
        since, clock = now(), time.monotonic()
        await asyncio.sleep(CALM_SECONDS)
        await sends.refresh()
        rows.append(Recovery("nothing", 0.0, probe.longest(clock), sends.longest(since)))
        for role in ROLES:
            for container in system.installation.of(role):
                rows.append(await _recover(system, container, probe, sends, "killed"))
        (server,) = system.installation.of("postgres")
        rows.append(await _recover(system, server, probe, sends, "restarted"))
        frozen = system.installation.of(FROZEN_ROLE)[0]
        rows.append(await _recover(system, frozen, probe, sends, "frozen"))
    return rows


async def _recover(
    system: Cluster, container: Container, probe: Probe, sends: Sends, how: str
) -> Recovery:
    since, clock = now(), time.monotonic()
    before = None if how == "frozen" else container.part.process
    if how == "frozen":
        container.signal(signal.SIGSTOP)
        await asyncio.sleep(FROZEN_SECONDS)
        container.signal(signal.SIGCONT)
        how = f"frozen for {FROZEN_SECONDS:.0f} s"
    elif how == "restarted":
        # Clients are cut off, as by `docker compose restart`.
        container.signal(signal.SIGINT)
    else:
        container.signal(signal.SIGKILL)
    name = container.place.name
    healthy = await _until_healthy(system, container, before, clock)
    healed, healed_clock = now(), time.monotonic()
    while not (probe.is_answered(healed_clock) and _sent_since(sends.instants, healed)):
        assert time.monotonic() < clock + RECOVERY_SECONDS, f"{name} {how}: no recovery"
        await asyncio.sleep(0.2)
        await sends.refresh()
    await asyncio.sleep(QUIET_SECONDS)
    await sends.refresh()
    return Recovery(f"{name} {how}", healthy, probe.longest(clock), sends.longest(since))


async def _until_healthy(
    system: Cluster, container: Container, before: Process | None, clock: float
) -> float:
    """Seconds until a part is healthy again, as another process than the one ``before``."""
    name = container.place.name
    while container.part.process is before:
        assert time.monotonic() < clock + RECOVERY_SECONDS, f"{name} was not started again"
        await asyncio.sleep(0.02)
    while not await container.is_healthy(system.installation.network):
        assert time.monotonic() < clock + RECOVERY_SECONDS, f"{name} did not come back"
        await asyncio.sleep(0.2)
    return time.monotonic() - clock


def _sent_since(instants: Sequence[int], since: int) -> bool:
    return any(at >= since for at in reversed(instants))
