"""``godwit prove`` against the installation of the Compose files, whose parts are killed in turn.

Run it as ``python -m tests.cluster.proof``; docs/proof.md shows its report.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

from tests.cluster.containers import Container, DidNotStart, Installation
from tests.cluster.faults import ROLES
from tests.cluster.images import ROOT, NotHere
from tests.cluster.kill_next import SOCKET
from tests.cluster.system import FILES, Cluster, cluster

REPORT = Path(".godwit") / "proof.md"
HOOK = "python -m tests.cluster.kill_next"
NOTHING = "everything is down already"


class Killer:
    """Kills one part after another, role by role; PostgreSQL is restarted."""

    def __init__(self, installation: Installation) -> None:
        roles = (*ROLES, "postgres")
        self._parts = [each for role in roles for each in installation.of(role)]
        self._next: Iterator[Container] = cycle(self._parts)

    def kill(self) -> str:
        """Kill the next part that runs; returns what was done."""
        for _ in self._parts:
            container = next(self._next)
            process = container.part.process
            if process is None or process.returncode is not None:
                continue
            is_store = container.place.service.name == "postgres"
            # Clients are cut off, as by `docker compose restart`.
            container.signal(signal.SIGINT if is_store else signal.SIGKILL)
            return f"{container.place.name} {'restarted' if is_store else 'killed'}"
        return NOTHING

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """Kill a part for each connection to a socket, and answer what was done."""

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(f"{self.kill()}\n".encode())
            writer.close()

        async with await asyncio.start_unix_server(answer, path):
            yield


async def prove(given: argparse.Namespace) -> int:
    """Start the cluster, run the command, and write its report; the command's exit code."""
    async with cluster(given.keep_logs) as system:
        sockets = system.installation.home / "kill.sock"
        page = system.installation.home / "proof.md"
        carrier = system.installation.of("worker")[0].environment["GODWIT_CARRIER_PRETEND_BASE_URL"]
        command = [sys.executable, "-m", "starter", "prove", "--report", str(page)]
        command += ["--messages", str(given.messages), "--minutes", str(given.minutes)]
        command += ["--every", str(given.every), "--hook", HOOK, "--carrier", carrier]
        command += ["--seed", str(given.seed)] if given.seed is not None else []
        kept = {name: value for name, value in os.environ.items() if name[:7] != "GODWIT_"}
        environment = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GODWIT_API": str(system.api.base_url),
            "GODWIT_BEARER": system.account["bearer"],
            SOCKET: str(sockets),
        }
        async with Killer(system.installation).listening(sockets):
            process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL
            )
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:
                    process.terminate()
        if page.exists():
            text = page.read_text("utf-8") + "\n" + what_ran(system)
            text = text.replace(str(system.api.base_url.host), "the cluster")
            given.report.parent.mkdir(parents=True, exist_ok=True)
            given.report.write_text(text, "utf-8")
            sys.stdout.write(text)
        return code


def what_ran(system: Cluster) -> str:
    """A sentence about the processes, and the programs that they are."""
    parts = [
        each for each in system.installation.containers.values() if not each.place.service.is_job
    ]
    files = ", ".join(f"`{file}`" for file in FILES)
    programs = ", ".join(dict.fromkeys(each.image.runs for each in parts))
    return (
        f"The cluster is {len(parts)} processes from {files}: {programs}. Its parts are killed in"
        " turn, and PostgreSQL is restarted when its turn comes; the carrier stays up.\n"
    )


def main() -> None:
    """Read the arguments, run, and exit as ``godwit prove`` did."""
    parser = argparse.ArgumentParser(prog="tests.cluster.proof", description=__doc__)
    parser.add_argument("--report", type=Path, default=REPORT, help="where the report is written")
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two faults")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--keep-logs", type=Path, help="a directory that logs are copied to")
    given = parser.parse_args()
    # So that processes are stopped when it is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = asyncio.run(prove(given))
    except (NotHere, DidNotStart) as error:
        sys.exit(str(error))
    sys.exit(code)


if __name__ == "__main__":
    main()
