"""Measures what docs/scale.md reckons with, on the installation of the Compose files.

Run it as ``python -m tests.cluster.scale`` on a machine that does nothing else. It prints the
page's tables and writes them; with ``--page docs/scale.md`` it puts them into that page.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from tests.cluster.containers import DidNotStart
from tests.cluster.images import NotHere
from tests.cluster.load import Load
from tests.cluster.measuring import costs, day, loss
from tests.cluster.scale_tables import tables, with_tables
from tests.cluster.system import FILES, cluster

REPORT = Path(".godwit") / "scale.md"
PARTS = ("costs", "day", "loss")


async def measure(given: argparse.Namespace) -> dict[str, str]:
    """Start the installation and measure the parts that are asked for; the tables by name."""
    wanted = given.only or PARTS
    files = (*FILES[:-1], "tests/cluster/scale.yml")
    async with cluster(given.keep_logs, files) as system:
        load = Load(system)
        of_messages = (
            await costs(system, load, given.large, given.small) if "costs" in wanted else []
        )
        of_day = await day(system, load, given.minutes, given.day) if "day" in wanted else None
        of_loss = await loss(system, load) if "loss" in wanted else None
    return tables(of_messages, of_day, of_loss)


def main() -> None:
    """Read the arguments, measure, and write the tables."""
    parser = argparse.ArgumentParser(prog="tests.cluster.scale", description=__doc__)
    parser.add_argument("--report", type=Path, default=REPORT, help="where the tables are written")
    parser.add_argument("--page", type=Path, help="a page whose tables are replaced")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these alone")
    parser.add_argument("--large", type=int, default=2, help="campaigns of 5,000 for each row")
    parser.add_argument("--small", type=int, default=100, help="campaigns of ten for each row")
    parser.add_argument("--day", type=int, default=1_000_000, help="messages of a day")
    parser.add_argument(
        "--minutes", type=float, default=24.0, help="of the day at 60 times its speed; 24 are all"
    )
    parser.add_argument("--keep-logs", type=Path, help="a directory that logs are copied to")
    given = parser.parse_args()
    # So that processes are stopped when it is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        found = asyncio.run(measure(given))
    except (NotHere, DidNotStart) as error:
        sys.exit(str(error))
    text = "\n\n".join(f"<!-- scale: {name} -->\n{table}" for name, table in found.items()) + "\n"
    given.report.parent.mkdir(parents=True, exist_ok=True)
    given.report.write_text(text, "utf-8")
    sys.stdout.write(text)
    if given.page is not None:
        given.page.write_text(with_tables(given.page.read_text("utf-8"), found), "utf-8")


if __name__ == "__main__":
    main()
