"""``make cluster``: run docker-compose.yml and its overrides as processes, and break each."""

import argparse
import asyncio
import shutil
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from tests.cluster.containers import DidNotStart
from tests.cluster.images import NotHere
from tests.cluster.report import report, what_ran, write_page
from tests.cluster.system import FILES, cluster
from tests.cluster.tale import Tale, tell, troubles

REPORT = Path(".godwit") / "cluster.md"
LOGS = Path(".godwit") / "cluster-logs"
LIMIT_SECONDS = 600
out = Console(highlight=False, markup=False, soft_wrap=True)


async def run(file: Path, keep: Path) -> Tale:
    """Start everything, tell the tale, write the report and print it.

    Raises TimeoutError if that takes too long; SIGTERM cancels it, so that processes are stopped.
    """
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    began = time.monotonic()
    async with asyncio.timeout(LIMIT_SECONDS), cluster(keep) as system:
        started = time.monotonic() - began
        ran = what_ran(system.installation)
        out.print(ran)
        tale = await tell(system)
        tale.seconds = {"start": started, **tale.seconds}
        text = report(ran, tale)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    out.print(text)
    return tale


def main() -> None:
    """Read the arguments, run, and exit 1 when anything did not hold."""
    parser = argparse.ArgumentParser(prog="tests.cluster", description=__doc__)
    parser.add_argument("--report", type=Path, default=REPORT, help="where the report is written")
    parser.add_argument("--page", type=Path, help="a page whose last part, A run, is replaced")
    parser.add_argument("--logs", type=Path, default=LOGS, help="where logs stay if it fails")
    given = parser.parse_args()
    out.print(f"docker compose {' '.join(f'-f {file}' for file in FILES)} up, as processes")
    try:
        tale = asyncio.run(run(given.report, given.logs))
    except (NotHere, DidNotStart) as error:
        sys.exit(str(error))
    except TimeoutError:
        sys.exit(f"not over after {LIMIT_SECONDS} s; logs in {given.logs}")
    except asyncio.CancelledError:
        sys.exit("ended by SIGTERM")
    if found := troubles(tale):
        sys.exit("\n".join([*found, f"logs in {given.logs}"]))
    shutil.rmtree(given.logs, ignore_errors=True)
    if given.page:
        write_page(given.page, tale)


if __name__ == "__main__":
    main()
