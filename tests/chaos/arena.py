"""The arena: a whole stack of real processes, and all that can be done to it."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from starter.embedded.options import StackOptions
from starter.embedded.stack import Stack
from starter.embedded.supervisor import Part, Supervisor
from tests.chaos import clocks, disk
from tests.chaos.clocks import Clock
from tests.chaos.cluster import Cluster
from tests.chaos.disk import Disk, small_disk

WORKERS = 2
SEND_TIMEOUT_SECONDS = 4.0
CARRIER_SECONDS = 60.0
# Then customers ask again, as they would.
ANSWER_SECONDS = 30.0
# A message leaves within 5 s of its claim (activities.attempts) and has its answer by this.
LEASE_SECONDS = 5.0 + SEND_TIMEOUT_SECONDS
# Short deadlines and waits, so that a dead attempt is taken over within seconds.
HASTE = {
    "GODWIT_SEND_TIMEOUT_SECONDS": str(SEND_TIMEOUT_SECONDS),
    "GODWIT_RETRY_BACKOFF_SECONDS": ",".join(["1"] * 30),
    "GODWIT_RECEIPTS_GRACE_SECONDS": "8",
    "GODWIT_ADMISSION_TIMEOUT_SECONDS": "20",
    "GODWIT_SECRET_KEY": "a secret of the arena",
}


class SystemUnderTest(Protocol):
    """What customers use and what the judge reads: an API with an account, a store and logs."""

    api: httpx.AsyncClient
    account: dict[str, Any]

    @property
    def url(self) -> str:
        """The address of the store's database."""

    @property
    def data(self) -> Path:
        """The directory with the logs, and with Temporal's database if that is a file."""


@dataclass
class Arena:
    """A running stack and how to hurt it; ``missing`` says what cannot be done here, and why."""

    stack: Stack
    database: str
    repeats: str
    cluster: Cluster | None
    disk: Disk | None
    clocks: dict[str, Clock]
    api: httpx.AsyncClient
    missing: list[str]
    account: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the store's database."""
        return str(self.stack.description["database"])

    @property
    def data(self) -> Path:
        """The data directory of the stack."""
        return self.stack.options.data

    def supervisors(self) -> list[Supervisor]:
        """Those who keep the parts alive."""
        return [self.stack.supervisor, *([self.cluster.supervisor] if self.cluster else [])]

    def parts(self) -> list[Part]:
        """Everything that can be killed."""
        return [part for supervisor in self.supervisors() for part in supervisor.parts]

    def part(self, name: str) -> Part:
        """The part of this name."""
        (part,) = (part for part in self.parts() if part.name == name)
        return part

    async def is_answering(self) -> bool:
        """Tell whether the API is up, with all that it needs."""
        return await is_answering(self.api)

    def hurt(self, name: str, number: signal.Signals) -> list[int]:
        """Send a signal to a part; the processes that got it, none when it is down already."""
        part = self.part(name)
        if part.process is None or part.process.returncode is not None:
            return []
        pids = [part.pid]
        if self.cluster is not None and part in self.cluster.supervisor.parts:
            if number in (signal.SIGSTOP, signal.SIGCONT):
                pids = self.cluster.processes(name)
        send(number, pids)
        return pids

    async def carrier_log(self) -> list[dict[str, Any]]:
        """Everything that the carrier has accepted."""
        return await carrier_log(str(self.stack.description["carrier"]))


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to those of the processes that are there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


async def is_answering(api: httpx.AsyncClient) -> bool:
    """Tell whether an API is up, with all that it needs."""
    try:
        return (await api.get("/readyz", timeout=2)).status_code == 200
    except httpx.TransportError:
        return False


async def carrier_log(carrier: str, after: int = 0) -> list[dict[str, Any]]:
    """Everything that a carrier has accepted, but for the first ``after``."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        async with asyncio.timeout(CARRIER_SECONDS):
            while True:
                # It may have been killed just now, and starts again.
                with suppress(httpx.TransportError):
                    answer = await client.get(f"{carrier}/log?after={after}")
                    log: list[dict[str, Any]] = answer.json()
                    return log
                await asyncio.sleep(0.2)


@asynccontextmanager
async def arena(
    directory: Path,
    database: str,
    repeats: str,
    settings: dict[str, str] | None = None,
    session: str = "read-write",
    has_clocks: bool = False,
) -> AsyncIterator[Arena]:
    """Run a stack on ``sqlite`` or ``postgresql`` until the block ends.

    ``settings`` are variables of its environment; ``session`` is which of the two servers of
    PostgreSQL it connects to, as ``target_session_attrs`` of libpq. With ``has_clocks`` the API
    goes by a clock that can be stepped, and needs three times as much of the processor for it.
    """
    changed = {**HASTE, "GODWIT_CARRIER_PRETEND_REPEATS": repeats, **(settings or {})}
    missing: list[str] = []
    async with AsyncExitStack() as ending:
        small = ending.enter_context(small_disk())
        home = directory if small is None else small.path
        if small is None:
            missing.append(disk.NOT_HERE)
        else:
            ending.callback(_keep_logs, home / "logs", directory / "kept")
        cluster = None
        if database == "postgresql":
            # Never in pytest's own directories, which others than their owner may not enter.
            below = Path(
                tempfile.mkdtemp(prefix="godwit-chaos-", dir=small.path if small else None)
            )
            cluster = Cluster(below)
            ending.push_async_callback(cluster.stop)
            await cluster.start()
            changed["GODWIT_DATABASE_URL"] = cluster.url(session)
        else:
            changed["GODWIT_DATABASE_URL"] = f"sqlite:///{home / 'godwit.db'}"
        ending.callback(_restore_environment, dict(os.environ))
        os.environ.update(changed)
        data = directory / "data"
        _move_out(data, home)
        options = StackOptions(data, port=0, temporal_port=0, ui_port=0, workers=WORKERS)
        stack = Stack(options)
        ending.push_async_callback(stack.stop)
        await stack.start()
        steppable: dict[str, Clock] = {}
        if has_clocks and clocks.library() is None:
            missing.append(clocks.NOT_HERE)
        elif has_clocks:
            steppable = _give_clocks(stack, directory / "clocks")
            ending.callback(clocks.forget_the_dead)
        described = stack.description
        auth = httpx.BasicAuth(described["account"]["keyId"], described["account"]["keySecret"])
        url = described["api"]
        api = httpx.AsyncClient(base_url=url, auth=auth, timeout=ANSWER_SECONDS, trust_env=False)
        await ending.enter_async_context(api)
        account = described["account"]
        yield Arena(stack, database, repeats, cluster, small, steppable, api, missing, account)


def _keep_logs(logs: Path, kept: Path) -> None:
    """Copy the logs off a disk that is about to go."""
    if logs.is_dir():
        shutil.copytree(logs, kept)


def _move_out(data: Path, home: Path) -> None:
    """Have logs and Temporal's database on the disk that is filled, and the carrier's log not."""
    data.mkdir(parents=True)
    if home == data.parent:
        return
    (home / "logs").mkdir()
    (data / "logs").symlink_to(home / "logs")
    (data / "temporal.db").symlink_to(home / "temporal.db")


def _give_clocks(stack: Stack, directory: Path) -> dict[str, Clock]:
    """Have the API go by a clock of its own from its next start on.

    The workers' clocks decide nothing: activities and workflows go by Temporal's time.
    """
    given = {}
    for part in stack.supervisor.parts:
        if part.name == "api":
            given[part.name] = Clock(directory / part.name)
            part.environment = {**part.environment, **given[part.name].environment()}
    return given


def _restore_environment(before: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(before)
