"""The arena: a whole stack of real processes, and on PostgreSQL its server too."""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from starter.embedded.options import StackOptions
from starter.embedded.stack import Stack
from starter.embedded.supervisor import Part, Supervisor
from tests.postgres import find_binaries

WORKERS = 2
# Short deadlines and waits, so that a dead attempt is taken over within seconds.
HASTE = {
    "GODWIT_SEND_TIMEOUT_SECONDS": "4",
    "GODWIT_RETRY_BACKOFF_SECONDS": ",".join(["1"] * 30),
    "GODWIT_RECEIPTS_GRACE_SECONDS": "8",
    "GODWIT_ADMISSION_TIMEOUT_SECONDS": "20",
}


@dataclass
class Arena:
    """A running stack and how to hurt it."""

    stack: Stack
    database: str
    postgres: Supervisor | None
    api: httpx.AsyncClient
    account: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the store's database."""
        return str(self.stack.description["database"])

    def parts(self) -> list[Part]:
        """Everything that can be killed."""
        parts = list(self.stack.supervisor.parts)
        return parts + (self.postgres.parts if self.postgres is not None else [])

    async def is_answering(self) -> bool:
        """Tell whether the API is up, with all that it needs."""
        try:
            return (await self.api.get("/readyz", timeout=2)).status_code == 200
        except httpx.TransportError:
            return False

    def hurt(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to a part; False when it is down already."""
        (part,) = (part for part in self.parts() if part.name == name)
        if part.process is None or part.process.returncode is not None:
            return False
        os.kill(part.pid, number)
        return True


@asynccontextmanager
async def arena(directory: Path, database: str, repeats: str) -> AsyncIterator[Arena]:
    """Run a stack on ``sqlite`` or ``postgresql`` until the block ends."""
    changed = {**HASTE, "GODWIT_CARRIER_PRETEND_REPEATS": repeats}
    postgres = None
    if database == "postgresql":
        # Outside pytest's own directories, which it shuts to others whenever a session begins.
        home = Path(tempfile.mkdtemp(prefix="godwit-chaos-postgres-"))
        postgres, changed["GODWIT_DATABASE_URL"] = await _serve_postgres(home)
    before = dict(os.environ)
    os.environ.update(changed)
    options = StackOptions(directory / "data", port=0, temporal_port=0, ui_port=0, workers=WORKERS)
    stack = Stack(options)
    try:
        await stack.start()
        described = stack.description
        auth = httpx.BasicAuth(described["account"]["keyId"], described["account"]["keySecret"])
        async with httpx.AsyncClient(
            base_url=described["api"], auth=auth, timeout=60, trust_env=False
        ) as api:
            yield Arena(stack, database, postgres, api, described["account"])
    finally:
        await stack.stop()
        if postgres is not None:
            await postgres.stop()
            shutil.rmtree(home, ignore_errors=True)
        os.environ.clear()
        os.environ.update(before)


async def _serve_postgres(home: Path) -> tuple[Supervisor, str]:
    binaries = find_binaries()
    assert binaries is not None, "PostgreSQL is not installed"
    data = home / "data"
    lower: list[str] = []
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        shutil.chown(home, "nobody")
        lower = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    make = [*lower, str(binaries / "initdb"), f"--pgdata={data}", "--username=godwit"]
    make += ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    process = await asyncio.create_subprocess_exec(
        *make, cwd=home, stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0, "initdb failed"
    port = _free_port()
    command = [*lower, str(binaries / "postgres"), "-D", str(data), "-k", str(home)]
    command += ["-h", "127.0.0.1", "-p", str(port), "-c", "max_connections=200"]
    supervisor = Supervisor()
    await supervisor.start(Part("postgres", command, dict(os.environ), home / "log"))
    url = f"postgresql://godwit@127.0.0.1:{port}/postgres"
    await _until_open(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE godwit")
    return supervisor, f"postgresql+psycopg://godwit@127.0.0.1:{port}/godwit"


async def _until_open(url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                with psycopg.connect(url):
                    return
            except psycopg.OperationalError:
                await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
