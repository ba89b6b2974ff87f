"""Runs whatever was asked for, in order, and collects the values."""

import asyncio
import json
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
from bench.rows import days, growth, pausing, recovery, sleeping, spreading, storm
from bench.rows.sizes import Sizes
from bench.served import StaticCarrier, static_carrier
from bench.servers import Missing, Postgres, postgres_server, redis_server, temporal_server
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
ROWS = (
    Row("sleeping", sleeping.measure, ("idle_none", "idle_sleeping", "idle_cost"), once=True),
    Row("spread", spreading.measure, ("spread_p50", "spread_p99", "spread_max"), once=True),
    Row("days", days.measure, ("days_events", "days_size", "days_apart"), once=True),
    Row(
        "storm",
        storm.measure,
        storm.SERIES,
    ),
    Row("pausing", pausing.measure, ("pause", "cancel")),
    Row("growth", growth.measure, growth.SERIES, once=True),
    Row("recovery", recovery.measure, ("worker_killed", "server_killed"), once=True),
)
NAMES = [one.name for part in (CONTENDERS, SETUPS, ROWS) for one in part]
ON_POSTGRES = {setup.name for setup in SETUPS if setup.on_postgres} | {"procrastinate"}


class Bench:
    """One whole benchmark: first all rates, run by run, then the rows on one stack."""

    def __init__(self, sizes: Sizes, runs: int, names: set[str], directory: Path, say: Say) -> None:
        self.sizes = sizes
        self.names = names
        self.directory = directory
        self.say = say
        self.results = Results([{} for _ in range(runs)])
        self._numbers = 0

    async def run(self) -> Results:
        """Measure everything that was asked for; failures become notes."""
        async with static_carrier(self.directory) as carrier, AsyncExitStack() as servers:
            postgres = await self._postgres(servers)
            for number, values in enumerate(self.results.runs, start=1):
                if self.names - {row.name for row in ROWS}:
                    self.say(f"run {number} of {len(self.results.runs)}: rates")
                for contender in CONTENDERS:
                    if contender.name in self.names:
                        await self._contend(contender, carrier, postgres, values)
                for setup in SETUPS:
                    if setup.name in self.names:
                        await self._ours(setup, carrier, postgres, values)
            await self._rows(carrier)
        return self.results

    async def _postgres(self, servers: AsyncExitStack) -> Postgres | None:
        wanted = self.names & ON_POSTGRES
        if not wanted:
            return None
        names = [*wanted] + [name for one in SETUPS if one.name in wanted for name in one.series]
        try:
            return await servers.enter_async_context(postgres_server())
        except Missing as missing:
            self.results.notes |= dict.fromkeys(names, str(missing))
        except (ChildFailed, TimeoutError) as error:
            self.results.fail(names, _why(error))
        return None

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
        if contender.server == "postgres" and postgres is None:
            return
        try:
            async with AsyncExitStack() as servers:
                server = ""
                if contender.server == "postgres" and postgres is not None:
                    server = postgres.fresh()
                elif contender.server in SERVERS:
                    serve = SERVERS[contender.server]
                    server = await servers.enter_async_context(serve(self._place(name)))
                count = self.sizes.slow if contender.slow else self.sizes.count
                job = Job(carrier.url, count, self.sizes.at_once, server)
                rate = job.count / await self._child(contender, job, carrier)
        except Missing as missing:
            self.results.notes[name] = str(missing)
        except Exception as error:
            self._failed((name,), error)
        else:
            values[name] = rate
            if contender.slow:
                self.results.notes[name] = f"{self.sizes.slow:,} messages"
            self.say(f"  {name}: {rate:,.0f}/s")

    async def _child(self, contender: Contender, job: Job, carrier: StaticCarrier) -> float:
        await carrier.reset()
        log = self.directory / f"{contender.name}.log"
        command = module("bench.child", contender.module, json.dumps(asdict(job)))
        environment = peer_environment() if contender.package else None
        async with child(command, log, environment) as process:
            line = await last_line(process, log, CONTENDER_SECONDS)
        taken = (await carrier.stats()).count
        if taken != job.count + WARM_UP:
            raise ChildFailed(f"the carrier took {taken}, not {job.count + WARM_UP}")
        return float(json.loads(line)["seconds"])

    async def _ours(
        self,
        setup: Setup,
        carrier: StaticCarrier,
        postgres: Postgres | None,
        values: dict[str, float],
    ) -> None:
        if setup.on_postgres and postgres is None:
            return
        server = postgres if setup.on_postgres else None
        try:
            place = self._place(setup.name)
            measured = await measure(setup, carrier, place, server, self.sizes.count)
        except Exception as error:
            self._failed(setup.series, error)
            return
        values |= measured
        if setup.name == "two" and "postgres_sending" in values:
            values["two_gain"] = values["two_sending"] / values["postgres_sending"]
        self._tell(setup.name, measured)

    async def _rows(self, carrier: StaticCarrier) -> None:
        rows = [row for row in ROWS if row.name in self.names]
        if not rows:
            return
        try:
            async with godwit_stack(carrier, self._place("rows")) as stack:
                await godwit.warm_up(stack)
                for number, values in enumerate(self.results.runs, start=1):
                    self.say(f"run {number} of {len(self.results.runs)}: rows")
                    for row in rows:
                        if number == 1 or not row.once:
                            await self._row(row, stack, values)
        except ChildFailed as error:
            self._failed([name for row in rows for name in row.series], error)

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
        self._tell(row.name, measured)

    def _tell(self, name: str, measured: Mapping[str, float]) -> None:
        told = ", ".join(f"{part} {value:,.3f}" for part, value in measured.items())
        self.say(f"  {name}: {told}")

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
