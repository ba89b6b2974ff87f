"""Runs whatever was asked for, in order, and collects the values."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.contenders import CONTENDERS, Contender, godwit
from bench.contenders.job import Job
from bench.ours import SETUPS, Setup, measure
from bench.peers import is_installed, peer_environment
from bench.processes import ChildFailed, child, last_line, module
from bench.results import Results
from bench.rows import days, growth, pausing, recovery, sleeping, spreading, starting, storm
from bench.rows.sizes import Sizes
from bench.served import StaticCarrier, static_carrier
from bench.servers import (
    Missing,
    Postgres,
    Server,
    postgres_server,
    redis_server,
    temporal_server,
)
from bench.stack import GodwitStack, godwit_stack
from bench.work import WARM_UP

CONTENDER_SECONDS = 300.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """A measurement on the stack; one made ``once`` takes long or never varies."""

    name: str
    measure: Callable[[GodwitStack, Sizes], Awaitable[dict[str, float]]]
    series: tuple[str, ...]
    once: bool = False


SERVERS = {"temporal": temporal_server, "redis": redis_server}
# In the order of measuring, what is measured once after all else; sleepers stay asleep.
ROWS = (
    Row("storm", storm.measure, storm.SERIES),
    Row("pausing", pausing.measure, pausing.SERIES),
    Row("help", starting.measure, ("help",)),
    Row("growth", growth.measure, growth.SERIES, once=True),
    Row("spread", spreading.measure, spreading.SERIES, once=True),
    Row("days", days.measure, ("days_events", "days_size", "days_p99"), once=True),
    Row("recovery", recovery.measure, ("worker_killed", "server_killed"), once=True),
    Row("sleeping", sleeping.measure, ("idle_none", "idle_sleeping", "idle_cost"), once=True),
)
NAMES = [one.name for part in (CONTENDERS, SETUPS, ROWS) for one in part]
ON_POSTGRES = {setup.name for setup in SETUPS if setup.on_postgres}


class Bench:
    """One whole benchmark: first all rates, run by run, then the rows.

    Our stacks take longest to start, so they are started once and idle while others are measured.
    """

    def __init__(self, sizes: Sizes, runs: int, names: set[str], directory: Path, say: Say) -> None:
        self.sizes = sizes
        self.names = names
        # The set-up on whose stack the rows are measured.
        self.rows_on = (
            "sqlite_two" if names & {"sqlite", "sqlite_two"} == {"sqlite_two"} else "sqlite"
        )
        self.directory = directory
        self.say = say
        self.results = Results([{} for _ in range(runs)])
        self._numbers = 0

    async def run(self) -> Results:
        """Measure everything that was asked for; failures become notes."""
        async with static_carrier(self.directory) as carrier, AsyncExitStack() as servers:
            postgres = await self._postgres(servers)
            stacks = {
                setup.name: await self._stack(servers, setup, carrier, postgres) for setup in SETUPS
            }
            for number, values in enumerate(self.results.runs, start=1):
                if self.names - {row.name for row in ROWS}:
                    self.say(f"run {number} of {len(self.results.runs)}: rates")
                for contender in CONTENDERS:
                    if contender.name in self.names:
                        await self._contend(contender, carrier, postgres, values)
                for setup in SETUPS:
                    stack = stacks[setup.name]
                    if setup.name in self.names and stack is not None:
                        await self._ours(setup, stack, values)
            if (stack := stacks[self.rows_on]) is not None:
                await self._rows(stack)
        return self.results

    async def _postgres(self, servers: AsyncExitStack) -> Postgres | None:
        peers = {one.name for one in CONTENDERS if one.server == "postgres"} & self.names
        if not peers | (self.names & ON_POSTGRES):
            return None
        names = [*peers, *self._series(ON_POSTGRES)]
        try:
            return await servers.enter_async_context(postgres_server())
        except Missing as missing:
            self.results.notes |= dict.fromkeys(names, str(missing))
        except (ChildFailed, TimeoutError) as error:
            self.results.fail(names, _why(error))
        return None

    async def _stack(
        self,
        servers: AsyncExitStack,
        setup: Setup,
        carrier: StaticCarrier,
        postgres: Postgres | None,
    ) -> GodwitStack | None:
        """Start the stack of a set-up, if anything is measured on it and it can be had."""
        names = {setup.name} | ({row.name for row in ROWS} if setup.name == self.rows_on else set())
        if not self.names & names or (setup.on_postgres and postgres is None):
            return None
        self.say(f"a stack is started: {setup.name}")
        server = postgres if setup.on_postgres else None
        try:
            starting = godwit_stack(carrier, self._place("stack"), server, setup.workers)
            stack = await servers.enter_async_context(starting)
            await godwit.warm_up(stack, setup.workers)
        except Exception as error:
            self._failed(self._series(names), error)
            return None
        return stack

    def _series(self, names: set[str]) -> list[str]:
        """The series of the set-ups and rows that are asked for among these."""
        wanted = [one for one in (*SETUPS, *ROWS) if one.name in names & self.names]
        return [name for one in wanted for name in one.series]

    async def _contend(
        self,
        contender: Contender,
        carrier: StaticCarrier,
        postgres: Postgres | None,
        values: dict[str, float],
    ) -> None:
        name = contender.name
        if contender.package and not is_installed(contender.package):
            self.results.notes[name] = f"{contender.package} is not installed"
            return
        if contender.program and not shutil.which(contender.program):
            self.results.notes[name] = f"{contender.program} is not installed"
            return
        if contender.server == "postgres" and postgres is None:
            return
        try:
            async with AsyncExitStack() as servers:
                server = Server("", 0)
                if contender.server == "postgres" and postgres is not None:
                    server = Server(postgres.fresh(), postgres.pid)
                elif contender.server in SERVERS:
                    serve = SERVERS[contender.server]
                    server = await servers.enter_async_context(serve(self._place(name)))
                count = self.sizes.slow if contender.slow else self.sizes.count
                job = Job(carrier.url, count, self.sizes.at_once, server.address, server.pid)
                spent = await self._child(contender, job, carrier)
        except Missing as missing:
            self.results.notes[name] = str(missing)
        except Exception as error:
            self._failed((name,), error)
        else:
            measured = {name: count / spent.pop("seconds")}
            for part, seconds in spent.items():
                known = contender.server if part == "server" else part
                measured[f"{name}.{known}"] = seconds / count * 1_000
            values |= measured
            if contender.slow:
                self.results.notes[name] = f"{self.sizes.slow:,} messages"
            self._tell(name, measured)

    async def _child(
        self, contender: Contender, job: Job, carrier: StaticCarrier
    ) -> dict[str, float]:
        await carrier.reset()
        log = self.directory / f"{contender.name}.log"
        command = module("bench.child", contender.module, json.dumps(asdict(job)))
        environment = peer_environment() if contender.package else None
        async with child(command, log, environment) as process:
            line = await last_line(process, log, CONTENDER_SECONDS)
        taken = (await carrier.stats()).count
        if taken != job.count + WARM_UP:
            raise ChildFailed(f"the carrier took {taken}, not {job.count + WARM_UP}")
        spent: dict[str, float] = json.loads(line)
        return spent

    async def _ours(self, setup: Setup, stack: GodwitStack, values: dict[str, float]) -> None:
        try:
            async with asyncio.timeout(CONTENDER_SECONDS):
                measured = await measure(setup, stack, self.sizes.count)
        except Exception as error:
            self._failed(setup.series, error)
            return
        alone = setup.name.removesuffix("_two")
        if alone != setup.name and f"{alone}_sending" in values:
            gain = measured[f"{setup.name}_sending"] / values[f"{alone}_sending"]
            measured[f"{alone}_gain"] = gain
        values |= measured
        self._tell(setup.name, measured)

    async def _rows(self, stack: GodwitStack) -> None:
        rows = [row for row in ROWS if row.name in self.names]
        often, once = ([row for row in rows if row.once is is_once] for is_once in (False, True))
        for number, values in enumerate(self.results.runs, start=1):
            if often:
                self.say(f"run {number} of {len(self.results.runs)}: rows")
            for row in often:
                await self._row(row, stack, values)
        if once:
            self.say("what is measured once")
        for row in once:
            await self._row(row, stack, self.results.runs[0])

    async def _row(self, row: Row, stack: GodwitStack, values: dict[str, float]) -> None:
        try:
            async with asyncio.timeout(CONTENDER_SECONDS):
                measured = await row.measure(stack, self.sizes)
        except Exception as error:
            self._failed(row.series, error)
            return
        values |= measured
        for name in row.series:
            if row.once and len(self.results.runs) > 1 and name in measured:
                self.results.notes[name] = "measured once"
            elif self.rows_on == "sqlite_two":
                self.results.notes[name] = "with two workers"
        self._tell(row.name, measured)

    def _tell(self, name: str, measured: Mapping[str, float]) -> None:
        result = ", ".join(f"{part} {value:,.3f}" for part, value in measured.items())
        self.say(f"  {name}: {result}")

    def _failed(self, names: Sequence[str], error: Exception) -> None:
        self.results.fail(names, _why(error))
        self.say(f"  {names[0]} failed: {_why(error)}")

    def _place(self, name: str) -> Path:
        """A directory of its own for each start of a server."""
        self._numbers += 1
        return self.directory / f"{self._numbers}-{name}"


def _why(error: Exception) -> str:
    """What went wrong in a line: the last of what it said."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[-1].strip()}" if said else type(error).__name__
