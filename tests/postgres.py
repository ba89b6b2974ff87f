"""A throw-away PostgreSQL server for tests, and a fresh migrated database for each of them."""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from store.database.engine import Database
from store.database.migrate import upgrade

START_SECONDS = 30.0
STOP_SECONDS = 10.0
STARTS_MAX = 3
TEMPLATE = "godwit_template"
MISSING = (
    "PostgreSQL is not installed: initdb and postgres are neither in PATH nor in "
    "/usr/lib/postgresql/*/bin (Debian: apt install postgresql)"
)
# A database is three hundred files: many times quicker made in memory, where there is room.
MEMORY = Path("/dev/shm")
ROOM_BYTES = 2 * 1024**3
# initdb and postgres refuse to run as root; the first of these that exists stands in.
_STAND_INS = ("nobody", "postgres")


_result = pytest.StashKey[bool]()


def leave_to_sqlite(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests that are marked ``one_store`` to SQLite: to them a store is a store.

    In a module that is marked, ``every_store`` takes a test out again.
    """
    spared = {
        item
        for item in items
        if item.get_closest_marker("one_store")
        and not item.get_closest_marker("every_store")
        and isinstance(item, pytest.Function)
        and hasattr(item, "callspec")
        and item.callspec.params.get("database_url") == "postgresql"
    }
    config.hook.pytest_deselected(items=list(spared))
    items[:] = [item for item in items if item not in spared]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why tests were skipped for want of PostgreSQL; conftest files import this hook."""
    skipped = terminalreporter.stats.get("skipped", [])
    missed = sum(MISSING in str(report.longrepr) for report in skipped)
    if missed and not terminalreporter.config.stash.get(_result, False):
        terminalreporter.config.stash[_result] = True
        terminalreporter.section("PostgreSQL", yellow=True)
        terminalreporter.line(f"{missed} tests skipped: {MISSING}")


def find_binaries() -> Path | None:
    """The directory of initdb and postgres: from PATH, else the newest version; None without."""
    found = shutil.which("initdb")
    beside = [Path(found).resolve().parent] if found else []
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    for directory in beside + packaged:
        if all((directory / name).exists() for name in ("initdb", "postgres")):
            return directory
    return None


def _version(directory: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", directory.parent.name))


@dataclass
class Postgres:
    """A running server. ``process`` is the postmaster, for tests that stop or kill it."""

    directory: Path
    port: int
    password: str
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=count)
    _kept: psycopg.Connection[Any] | None = None

    def url(self, database: str) -> str:
        """The address of one database, as ``GODWIT_DATABASE_URL`` takes it."""
        return f"postgresql+psycopg://godwit:{self.password}@127.0.0.1:{self.port}/{database}"

    def make_template(self) -> None:
        """Make the migrated database that all others are copied from."""
        self._command("CREATE DATABASE {}", TEMPLATE)
        database = Database(self.url(TEMPLATE))
        upgrade(database)
        database.close()

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """A fresh database for one test; its URL. ``template0`` gives an empty one."""
        name = f"test_{next(self._numbers)}"
        # Copied by the log of PostgreSQL 15, it would take twice as long.
        copied = " STRATEGY FILE_COPY" if self._connection().info.server_version >= 150_000 else ""
        self._command("CREATE DATABASE {} TEMPLATE {}" + copied, name, template)
        try:
            yield self.url(name)
        finally:
            self._command("DROP DATABASE {} WITH (FORCE)", name)

    def close(self) -> None:
        """Let go of the connection that makes and drops databases."""
        if self._kept is not None:
            self._kept.close()
        self._kept = None

    def _command(self, statement: str, *names: str) -> None:
        command = sql.SQL(statement).format(*map(sql.Identifier, names))
        try:
            self._connection().execute(command)
        except psycopg.OperationalError:
            # A test may have started the server again.
            self.close()
            self._connection().execute(command)

    def _connection(self) -> psycopg.Connection[Any]:
        if self._kept is None:
            # Through the socket, where nobody is asked for a password.
            self._kept = psycopg.connect(
                host=str(self.directory),
                port=self.port,
                user="godwit",
                dbname="postgres",
                autocommit=True,
            )
        return self._kept


@contextmanager
def serve_postgres(binaries: Path) -> Iterator[Postgres]:
    """Run a server on a free port until the block ends; everything it wrote is then deleted.

    Raises RuntimeError with the end of the server's log when it does not start.
    """
    user = _stand_in() if os.geteuid() == 0 else None
    # Not below pytest's directories, which the stand-in for root may not enter.
    directory = Path(tempfile.mkdtemp(prefix="godwit-pg-", dir=_roomy_memory()))
    try:
        if user is not None:
            shutil.chown(directory, user)
        password = secrets.token_hex(16)
        _make_cluster(binaries, directory, user, password)
        server = _start(binaries, directory, user, password)
        try:
            server.make_template()
            yield server
        finally:
            server.close()
            _stop(server.process)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _roomy_memory() -> Path | None:
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
        return MEMORY
    return None


def _stand_in() -> str:
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _STAND_INS:
        if name in known:
            return name
    raise RuntimeError(f"root may not run PostgreSQL, and there is no user {_STAND_INS}")


def _make_cluster(binaries: Path, directory: Path, user: str | None, password: str) -> None:
    secret = directory / "password"
    secret.write_text(password)
    if user is not None:
        shutil.chown(secret, user)
    made = subprocess.run(
        [
            binaries / "initdb",
            f"--pgdata={directory / 'data'}",
            "--username=godwit",
            f"--pwfile={secret}",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ],
        user=user,
        cwd=directory,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed:\n{made.stderr}")


def _start(binaries: Path, directory: Path, user: str | None, password: str) -> Postgres:
    log = directory / "log"
    for _ in range(STARTS_MAX):
        # Another process may take the port between our look and the server's.
        port = _free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    binaries / "postgres",
                    *("-D", directory / "data"),
                    *("-k", directory),
                    *("-h", "127.0.0.1"),
                    *("-p", str(port)),
                    *("-c", "max_connections=200"),
                    # Nothing here must outlive a power cut; a killed server loses nothing by it.
                    *("-c", "fsync=off"),
                    *("-c", "max_wal_size=128MB"),
                ],
                user=user,
                cwd=directory,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A Ctrl-C on the terminal is pytest's to handle.
                start_new_session=True,
            )
        if _answers(process, port, password):
            return Postgres(directory, port, password, process)
        _stop(process)
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()[-2_000:]}")


def _answers(process: subprocess.Popen[bytes], port: int, password: str) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(
                host="127.0.0.1", port=port, user="godwit", password=password, dbname="postgres"
            ).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return True
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    # SIGINT drops the clients and ends in order, SIGQUIT ends at once.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
