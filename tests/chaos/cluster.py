"""A PostgreSQL primary with a synchronous streaming replica, and failovers between the two."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

from starter.embedded.options import free_port
from starter.embedded.supervisor import Part, Supervisor
from tests.postgres import find_binaries

WAIT_SECONDS = 60.0
HOST = "127.0.0.1"
LOG_SHOWN = 2_000


class Cluster:
    """Two servers; a commit is answered once both have it.

    A client that names both in its URL finds the one that can write. The replica of a cluster
    without one is missing, and commits wait for nobody.
    """

    def __init__(self, home: Path) -> None:
        binaries = find_binaries()
        assert binaries is not None, "PostgreSQL is not installed"
        self._binaries = binaries
        self._home = home
        # PostgreSQL refuses to run as root.
        as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        self._lower = as_nobody if os.geteuid() == 0 else []
        primary = free_port()
        self._ports = {"postgres": primary, "replica": free_port(taken=(primary,))}
        self.supervisor = Supervisor()
        self.primary = "postgres"
        self._failing_over = asyncio.Lock()

    @property
    def standby(self) -> str:
        """The name of the part that is, or is to be, the replica."""
        return "replica" if self.primary == "postgres" else "postgres"

    def url(self, attributes: str = "read-write") -> str:
        """The URL of the database on the server with these session attributes."""
        hosts = "&".join(f"host={HOST}:{port}" for port in self._ports.values())
        return f"postgresql+psycopg://godwit@/godwit?{hosts}&target_session_attrs={attributes}"

    async def start(self, replica: bool = True) -> None:
        """Make the primary, its database, and its replica if one is wanted."""
        if self._lower:
            shutil.chown(self._home, "nobody")
        data = self._data(self.primary)
        make = ["initdb", f"--pgdata={data}", "--username=godwit", "--auth=trust"]
        await self._run(*make, "--encoding=UTF8", "--no-locale", "--no-sync")
        await self.supervisor.start(self._part(self.primary))
        await self._until_open(self.primary)
        await self._tell(self.primary, "CREATE DATABASE godwit")
        if replica:
            await self._copy()
            await self.supervisor.start(self._part(self.standby))
            await self._until_synchronous()

    async def stop(self) -> None:
        """Stop both servers and delete what they wrote."""
        await self.supervisor.stop()
        await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)

    async def fail_over(self, standby_seconds: float = 0.0) -> None:
        """Kill the primary, promote the replica, and make a new replica in the old one's place.

        For ``standby_seconds`` before the promotion there is a server that can only read.
        """
        async with self.primary_lost(standby_seconds):
            pass

    @asynccontextmanager
    async def primary_lost(self, standby_seconds: float = 0.0) -> AsyncIterator[None]:
        """A failover whose block runs while there is a promoted primary and no replica."""
        async with self._failing_over:
            old, new = self._named(self.primary), self.standby
            async with self.supervisor.down(old):
                await asyncio.sleep(standby_seconds)
                await self._tell(new, "SELECT pg_promote(true, 30)")
                self.primary = new
                yield
                await self._copy()
            await self._until_synchronous()

    def processes(self, name: str) -> list[int]:
        """The ids of a server's processes, the postmaster's first."""
        parent = self._named(name).pid
        try:
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        except OSError:
            return []
        return [parent, *map(int, children)]

    def _named(self, name: str) -> Part:
        (part,) = (part for part in self.supervisor.parts if part.name == name)
        return part

    def _data(self, name: str) -> Path:
        return self._home / name

    def _part(self, name: str) -> Part:
        command = [*self._lower, str(self._binaries / "postgres"), "-D", str(self._data(name))]
        command += ["-k", str(self._home), "-h", HOST, "-p", str(self._ports[name])]
        for value in ("max_connections=200", "max_wal_size=256MB", "wal_keep_size=256MB"):
            command += ["-c", value]
        return Part(name, command, dict(os.environ), self._home / f"{name}.log", 2.0)

    async def _copy(self) -> None:
        """Make the data directory of the replica, of a primary that waits for none meanwhile."""
        await self._tell(self.primary, "ALTER SYSTEM RESET synchronous_standby_names")
        await self._tell(self.primary, "SELECT pg_reload_conf()")
        data, port = self._data(self.standby), self._ports[self.primary]
        await asyncio.to_thread(shutil.rmtree, data, ignore_errors=True)
        copy = ["pg_basebackup", f"--pgdata={data}", f"--host={HOST}", f"--port={port}"]
        copy += ["--username=godwit", "--checkpoint=fast", "--no-sync", "--write-recovery-conf"]
        await self._run(*copy)

    async def _until_synchronous(self) -> None:
        """Wait for the replica; from then on a commit waits for it."""
        await self._until_open(self.standby)
        await self._until_replica_is("state = 'streaming'")
        await self._tell(self.primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        await self._tell(self.primary, "SELECT pg_reload_conf()")
        await self._until_replica_is("sync_state = 'sync'")

    async def _until_replica_is(self, state: str) -> None:
        query = f"SELECT count(*) FROM pg_stat_replication WHERE {state}"
        async with asyncio.timeout(WAIT_SECONDS):
            while not await self._tell(self.primary, query):
                await asyncio.sleep(0.1)

    async def _run(self, program: str, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *self._lower,
            str(self._binaries / program),
            *arguments,
            cwd=self._home,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        assert process.returncode == 0, f"{program} failed: {errors.decode()}"

    async def _until_open(self, name: str) -> None:
        await self._tell(name, "SELECT 1")

    async def _tell(self, name: str, statement: str) -> object:
        """Run a statement on one of the servers, once it takes connections; its first value.

        One that was cut off is repeated: none of ours does harm when it runs twice.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return await asyncio.to_thread(self._ask, name, statement)
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.ObjectNotInPrerequisiteState):
                return None  # It had come through.
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    said = self._named(name).log.read_text("utf-8", "replace")[-LOG_SHOWN:]
                    raise AssertionError(f"{name} takes no connection: {said}") from error
                await asyncio.sleep(0.1)

    def _ask(self, name: str, statement: str) -> object:
        url = f"postgresql://godwit@{HOST}:{self._ports[name]}/postgres"
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
