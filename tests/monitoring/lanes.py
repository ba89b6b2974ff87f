"""Stacks for incidents: each lane has one of its own, with what its incidents need."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from starter.embedded.options import free_port
from tests.chaos.disk import small_disk
from tests.monitoring.prometheus import Prometheus, prometheus
from tests.postgres import Postgres, find_binaries, serve_postgres
from tests.running import Running, stack

HOST = "127.0.0.1"
RETRIES = ",".join(["3"] * 20)
SLOW_SECONDS = 8
OPEN_SECONDS = 600


@dataclass
class Lane:
    """A stack that Prometheus watches.

    ``environment`` is that of its commands, ``path`` a directory with programs for them. ``disk``
    is a small file system with the data, and ``postgres`` the store's server; None without one.
    Calls over the ``link`` reach ``behind``; both are ports, the process is the last of
    ``links``.
    """

    running: Running
    watching: Prometheus
    environment: Mapping[str, str]
    opened: ExitStack
    path: str = ""
    disk: Path | None = None
    postgres: Postgres | None = None
    link: int = 0
    behind: int = 0
    links: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def link_process(self) -> subprocess.Popen[bytes]:
        """The process of the link."""
        return self.links[-1]

    def freeze(self, pid: int) -> None:
        """Stop a process; it goes on when somebody continues it, or when the lane ends."""
        os.kill(pid, signal.SIGSTOP)
        self.opened.callback(_continue, pid)

    def start(self, module: str, *arguments: object) -> subprocess.Popen[bytes]:
        """Run a module as a process until the lane ends."""
        log = self.opened.enter_context((self.running.data / f"{module}.log").open("a"))
        command = [sys.executable, "-m", module, *map(str, arguments)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        self.opened.callback(process.wait, 30)
        self.opened.callback(process.kill)
        return process

    def start_link(self, seconds: float = 0.0) -> None:
        """Start the link; everything over it takes so many seconds longer."""
        started = self.start("tests.monitoring.link", self.link, self.behind, seconds)
        self.links.append(started)

    def replace_link(self) -> None:
        """Put a quick link in the place of a slow one."""
        self.link_process.kill()
        self.link_process.wait(30)
        self.start_link()


@contextmanager
def lane(directory: Path, grace: int = 3, **settings: str) -> Iterator[Lane]:
    """A stack with its Prometheus.

    ``settings`` are variables of its environment; ``grace`` is how long a campaign waits for
    receipts, in seconds.
    """
    directory.mkdir(exist_ok=True)
    with ExitStack() as opened:
        running = opened.enter_context(stack(directory / "data", grace, **settings))
        targets = running.data / "prometheus-targets.json"
        watching = opened.enter_context(prometheus(directory, targets))
        environment = {**settings, "GODWIT_DATA": str(running.data)}
        # Nothing may outlive the stack that is frozen: it is continued before the stack stops.
        with ExitStack() as inner:
            yield Lane(running, watching, environment, inner)


@contextmanager
def on_a_small_disk(directory: Path) -> Iterator[Lane]:
    """A stack whose data is on a file system of its own, where this process may mount one."""
    with small_disk() as disk, lane(disk.path if disk else directory) as found:
        found.disk = disk.path if disk else None
        yield found


@contextmanager
def with_a_slow_carrier(directory: Path) -> Iterator[Lane]:
    """A stack whose carrier is at the end of a slow link."""
    carrier, link = free_port(), free_port()
    url = f"http://{HOST}:{link}"
    with lane(directory, GODWIT_CARRIER_PRETEND_BASE_URL=url) as found:
        found.start("carriers.pretend_server", "--port", carrier)
        found.link, found.behind = link, carrier
        found.start_link(SLOW_SECONDS)
        yield found


@contextmanager
def with_receipts_over_a_link(directory: Path) -> Iterator[Lane]:
    """A stack whose carrier recognises no repeat and sends its receipts over a link."""
    carrier, link = free_port(), free_port()
    url = f"http://{HOST}:{link}"
    settings = {
        "GODWIT_CARRIER_PRETEND_BASE_URL": f"http://{HOST}:{carrier}",
        "GODWIT_CARRIER_PRETEND_REPEATS": "none",
        "GODWIT_PUBLIC_URL": url,
    }
    with lane(directory, grace=OPEN_SECONDS, **settings) as found:
        receipts = f"{url}/carriers/pretend/receipts"
        options = ["--port", carrier, "--repeats", "none", "--receipts-url", receipts]
        found.start("carriers.pretend_server", *options)
        found.link = link
        found.behind = int(found.running.description["api"].rpartition(":")[2])
        found.start_link()
        yield found


@contextmanager
def on_postgres(directory: Path) -> Iterator[Lane]:
    """A stack on PostgreSQL; its commands find a ``pg_ctl`` that this user may run."""
    binaries = find_binaries()
    assert binaries is not None, "PostgreSQL is not installed"
    directory.mkdir()
    with serve_postgres(binaries) as server:
        data = server.directory / "data"
        owner = data.stat()
        # It writes to the same log when it is started again.
        os.chown(server.directory / "log", owner.st_uid, owner.st_gid)
        program = _pg_ctl(directory, binaries, owner)
        try:
            with server.database() as url:
                settings = {
                    "GODWIT_DATABASE_URL": url,
                    "GODWIT_SEND_TIMEOUT_SECONDS": "2",
                    "GODWIT_RETRY_BACKOFF_SECONDS": RETRIES,
                }
                with lane(directory, grace=3, **settings) as found:
                    found.path, found.postgres = str(directory), server
                    yield found
        finally:
            # One that an incident started again is no child of this process.
            if server.process.poll() is not None:
                stop: list[str | Path] = [program, "stop", "-D", data, "-m", "immediate"]
                subprocess.run(stop, capture_output=True, timeout=60)


def _pg_ctl(directory: Path, binaries: Path, owner: os.stat_result) -> Path:
    """Write a ``pg_ctl`` that runs as the owner of the server's data."""
    lower = f"setpriv --reuid={owner.st_uid} --regid={owner.st_gid} --clear-groups "
    program = directory / "pg_ctl"
    lower = lower if os.geteuid() == 0 else ""
    program.write_text(f'#!/bin/sh\nexec {lower}{binaries / "pg_ctl"} "$@"\n')
    program.chmod(0o755)
    return program


def _continue(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
