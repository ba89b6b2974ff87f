"""The servers that contenders need: PostgreSQL, Redis, and Temporal on its own."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.peers import packaged_redis
from bench.processes import ChildFailed, child, free_port, until_open
from starter.embedded.temporal_server import DYNAMIC_CONFIG, temporal_binary
from tests.postgres import find_binaries

# PostgreSQL refuses to run as root.
STAND_IN = "nobody"


class Missing(Exception):
    """What a contender needs is not installed here; the text says what."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens, and its process."""

    address: str
    pid: int


class Postgres:
    """A running server with its defaults: what is committed is on the disk."""

    def __init__(self, port: int, pid: int) -> None:
        self.pid = pid
        self._port = port
        self._made = 0

    def fresh(self) -> str:
        """Make an empty database; its URL."""
        self._made += 1
        name = f"bench_{self._made}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://godwit@127.0.0.1:{self._port}/{database}"


def store_url(url: str) -> str:
    """The URL of a database as Godwit's settings take it."""
    return url.replace("postgresql://", "postgresql+psycopg://")


@asynccontextmanager
async def postgres_server() -> AsyncIterator[Postgres]:
    """Run PostgreSQL until the block ends; raises Missing where it is not installed."""
    binaries = find_binaries()
    if binaries is None:
        raise Missing("PostgreSQL is not installed")
    # A directory of its own below the common one: ours are closed to the stand-in for root.
    home = Path(tempfile.mkdtemp(prefix="godwit-bench-postgres-"))
    user = STAND_IN if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(home, user)
    try:
        make = [str(binaries / "initdb"), f"--pgdata={home / 'data'}", "--username=godwit"]
        make += ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        async with child(make, home / "initdb.log", user=user) as making:
            await making.communicate()
            if making.returncode:
                raise ChildFailed((home / "initdb.log").read_text()[-1_500:])
        port = free_port()
        command = [str(binaries / "postgres"), "-D", str(home / "data"), "-k", str(home)]
        command += ["-h", "127.0.0.1", "-p", str(port), "-c", "max_connections=200"]
        async with child(command, home / "log", user=user) as process:
            await until_open(port)
            await _until_ready(port)
            yield Postgres(port, process.pid)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def temporal_server(directory: Path) -> AsyncIterator[Server]:
    """Run Temporal as ``godwit up`` does, until the block ends; at its host:port."""
    directory.mkdir(parents=True)
    port = free_port()
    command = [temporal_binary(), "server", "start-dev", "--headless", "--log-level", "error"]
    command += ["--port", str(port), "--db-filename", str(directory / "temporal.db")]
    for pragma in ("journal_mode=wal", "synchronous=normal"):
        command += ["--sqlite-pragma", pragma]
    for value in (*DYNAMIC_CONFIG, "activity.enableStandalone=true"):
        command += ["--dynamic-config-value", value]
    async with child(command, directory / "temporal.log") as process:
        await until_open(port)
        yield Server(f"127.0.0.1:{port}", process.pid)


@asynccontextmanager
async def redis_server(directory: Path) -> AsyncIterator[Server]:
    """Run Redis, which writes each second what it was told, until the block ends; at its URL.

    Raises Missing where there is none.
    """
    found = shutil.which("redis-server") or packaged_redis()
    if found is None:
        raise Missing("Redis is not installed")
    directory.mkdir(parents=True)
    port = free_port()
    command = [str(found), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    command += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    async with child([*command, "--loglevel", "warning"], directory / "redis.log") as process:
        await until_open(port)
        yield Server(f"redis://127.0.0.1:{port}/0", process.pid)


async def _until_ready(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                psycopg.connect(f"postgresql://godwit@127.0.0.1:{port}/postgres").close()
                return
            except psycopg.OperationalError:
                await asyncio.sleep(0.1)
