"""``make cluster``: run docker-compose.yml and its overrides as processes, and break each."""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from tests.cluster.containers import DidNotStart
from tests.cluster.images import NotHere
from tests.cluster.report import report
from tests.cluster.system import FILES, cluster
from tests.cluster.table import SAID_AND_RAN, markdown, said_and_ran
from tests.cluster.tale import Tale, tell, troubles

REPORT = Path(".godwit") / "cluster.md"
out = Console(highlight=False, markup=False, soft_wrap=True)


async def run(file: Path, keep: Path | None) -> Tale:
    """Start everything, tell the tale, write the report and print it."""
    began = time.monotonic()
    async with cluster(keep) as system:
        started = time.monotonic() - began
        out.print(markdown(SAID_AND_RAN, said_and_ran(system.installation)))
        tale = await tell(system)
        tale.seconds = {"start": started, **tale.seconds}
        text = report(system.installation, tale)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    out.print(text)
    return tale


def main() -> None:
    """Read the arguments, run, and exit 1 when anything did not hold."""
    parser = argparse.ArgumentParser(prog="tests.cluster", description=__doc__)
    parser.add_argument("--report", type=Path, default=REPORT, help="where the report is written")
    parser.add_argument("--keep-logs", type=Path, help="a directory that logs are copied to")
    given = parser.parse_args()
    # So that processes are stopped when it is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    out.print(f"docker compose {' '.join(f'-f {file}' for file in FILES)} up, as processes")
    try:
        tale = asyncio.run(run(given.report, given.keep_logs))
    except (NotHere, DidNotStart) as error:
        sys.exit(str(error))
    if found := troubles(tale):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
