"""Back-up and restore amid campaigns, by the commands of the documents.

Each time a campaign is on its way when the copy is made, and the carrier accepts more of it, and
another campaign, before the copy is restored.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from campaign.handoffs import Repeats
from tests.chaos.arena import is_answering
from tests.chaos.check import Restored, Verdict, check
from tests.chaos.customers import Customers, now
from tests.chaos.nemesis import settle
from tests.chaos.restore import as_of, exists
from tests.cluster import campaigns
from tests.cluster.commands import Docker
from tests.cluster.dialects import numbers
from tests.cluster.measures import Sends
from tests.cluster.system import Cluster
from tests.documented import OPERATIONS, RESTORE_DRILL, commands

PEOPLE, RATE = 600, 40
LATE_PEOPLE = 50
BEFORE, AFTER = 150, 150
SENT_SECONDS = 90.0
BACK_SECONDS = 120.0
REPEATS = "GODWIT_CARRIER_PRETEND_REPEATS"


@dataclass(frozen=True)
class Case:
    """What is restored and with which kind of carrier; ``tool`` makes the copy."""

    heading: str
    repeats: Repeats
    tool: str


CASES = (
    Case("Compose: everything", Repeats.DEDUP, "pg_basebackup"),
    Case("Compose: the store alone", Repeats.LOOKUP, "pg_dump"),
    Case("Compose: Temporal's databases are lost", Repeats.LOOKUP, "pg_dump"),
)


@dataclass
class RestoreRun:
    """One restore: seconds of back-up and restore, what was sent, and the verdict."""

    case: Case
    copied: float
    restored: float
    after: int
    revived: int
    verdict: Verdict


@dataclass
class RestoreRuns:
    """All restores, one after the other on the same installation."""

    system: Cluster
    customers: Customers
    directory: Path
    rows: list[RestoreRun] = field(default_factory=list)
    _late: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Run each case; raises AssertionError where something does not happen at all."""
        self.directory.mkdir()
        for number, case in enumerate(CASES):
            await self._have_carrier(case.repeats)
            await self._restore_once(case, 27 + 2 * number)

    async def _restore_once(self, case: Case, block: int) -> None:
        docker = Docker(self.system.installation, self.directory)
        customers = Customers(self.system, self.customers.rng, self.customers.sizes)
        posted = await campaigns.post_with_rate(customers, block, PEOPLE, RATE)
        sends = Sends(self.system, posted)
        await sends.until(BEFORE, SENT_SECONDS)
        known, since, started = await self._references(), now(), time.monotonic()
        (copy,) = (line for line in commands(OPERATIONS, "Back up") if case.tool in line)
        await docker.run(copy)
        copied, until = time.monotonic() - started, now()
        late = await campaigns.post(customers, f"late-{block}", numbers(block + 1, LATE_PEOPLE))
        await sends.until(len(sends.instants) + AFTER, SENT_SECONDS)
        started = time.monotonic()
        await docker.run(*self._filled(commands(RESTORE_DRILL, case.heading)))
        async with asyncio.timeout(BACK_SECONDS):
            while not await is_answering(self.system.api):
                await asyncio.sleep(0.2)
        seconds = time.monotonic() - started
        log = await self.system.carrier_log()
        self._late |= {str(row["reference"]) for row in log} - known
        assert not await exists(self.system, late), "a campaign of after the copy is there"
        customers.posted = {posted.id: as_of(posted, since, until)}
        forgotten = await settle(self.system, customers)
        restored = Restored(self._late, len(log), case.repeats)
        verdict = await asyncio.to_thread(
            check, self.system, await self.system.carrier_log(), customers.posted.values(), restored
        )
        verdict.forgotten += forgotten
        after = len(log) - len(known)
        self.rows.append(RestoreRun(case, copied, seconds, after, customers.revived, verdict))

    def _filled(self, lines: Sequence[str]) -> list[str]:
        """The commands with the newest copy's date."""
        newest = max(self.directory.iterdir(), key=lambda file: file.stat().st_mtime)
        date = newest.stem.removeprefix("godwit-")
        return [line.replace("DATE", date) for line in lines]

    async def _references(self) -> set[str]:
        return {str(row["reference"]) for row in await self.system.carrier_log()}

    async def _have_carrier(self, repeats: Repeats) -> None:
        """Have the carrier, and who sends to it, deal with repeats like this."""
        services = ("carrier", "api", "worker")
        installation = self.system.installation
        if installation.of("carrier")[0].environment.get(REPEATS, Repeats.DEDUP) == repeats:
            return
        await installation.stop(*services)
        for container in (each for service in services for each in installation.of(service)):
            container.environment[REPEATS] = repeats
        await installation.up(services)
