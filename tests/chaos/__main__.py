"""``make chaos SECONDS=600 SEED=7``: run after run until the time is up, then the table."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.nemesis import Tally, run

ROUNDS = (
    ("sqlite", "dedup"),
    ("postgresql", "dedup"),
    ("sqlite", "lookup"),
    ("postgresql", "none"),
    ("postgresql", "lookup"),
    ("sqlite", "none"),
)
out = Console()


def table(tallies: list[Tally]) -> Table:
    """The runs as a table, a line each."""
    shown = Table(*tallies[0].row())
    for tally in tallies:
        shown.add_row(*(str(value) for value in tally.row().values()))
    return shown


async def rounds(seconds: float, seed: int, campaigns: int, pause: float) -> list[Tally]:
    """Run after run, each with a seed of its own."""
    seeds = random.Random(seed)
    deadline = time.monotonic() + seconds
    tallies: list[Tally] = []
    while time.monotonic() < deadline or not tallies:
        database, repeats = ROUNDS[len(tallies) % len(ROUNDS)]
        own = seeds.randrange(1_000_000)
        with tempfile.TemporaryDirectory(prefix="godwit-chaos-") as directory:
            tally = await run(Path(directory), database, repeats, own, campaigns, pause)
        tallies.append(tally)
        out.print(tally.row(), highlight=False)
        for trouble in tally.verdict.findings + tally.verdict.leaks:
            out.print(f"  {trouble}", highlight=False)
    return tallies


def main() -> None:
    """Read the arguments, run, print, and exit 1 when anything was lost, doubled or off."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0, help="0 takes a new one and says which")
    parser.add_argument("--campaigns", type=int, default=20, help="in each run, of 500 people")
    parser.add_argument("--pause", type=float, default=2.5, help="seconds between two kills")
    given = parser.parse_args()
    seed = given.seed or random.SystemRandom().randrange(1, 1_000_000)
    out.print(f"seed {seed}", highlight=False)
    tallies = asyncio.run(rounds(given.seconds, seed, given.campaigns, given.pause))
    out.print(table(tallies))
    sys.exit(0 if all(tally.verdict.is_clean for tally in tallies) else 1)


if __name__ == "__main__":
    main()
