"""``make chaos SECONDS=900 SEED=7`` or ``make chaos SENDS=1000000``: run after run, then the table.

With SECONDS a run attacks for some minutes with everything there is; with SENDS something is
killed every 20 seconds until so many messages were sent.
"""

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.nemesis import Attack, Tally, run
from tests.chaos.restore import run_restored

# The store, what the carrier does with a repeat, and whether an older store is restored.
ROUNDS = (
    ("sqlite", "lookup", False),
    ("postgresql", "dedup", False),
    ("sqlite", "none", False),
    ("sqlite", "dedup", True),
    ("postgresql", "lookup", False),
    ("sqlite", "lookup", True),
    ("postgresql", "none", False),
    ("sqlite", "dedup", False),
    ("sqlite", "none", True),
)
ATTACK_SECONDS = 210.0
RESTORED_SECONDS = 30.0
# What a run needs beside its attack: to start, to come to rest, and to be judged.
BESIDE_SECONDS = 60.0
SENDS_A_RUN = 125_000
FOREVER_SECONDS = 86_400.0
out = Console()


def table(tallies: list[Tally]) -> Table:
    """The runs as a table, a column each, and their sums."""
    rows = [tally.row() for tally in tallies]
    shown = Table("", *(str(number) for number, _ in enumerate(rows, 1)), "all")
    for name in rows[0]:
        values = [row[name] for row in rows]
        total = "" if name in ("store", "carrier", "seed") else sum(values)
        shown.add_row(name, *map(str, values), str(total))
    return shown


def attacks(given: argparse.Namespace, seed: int) -> Iterator[tuple[Attack, bool]]:
    """Attack after attack, each with a seed of its own, and whether it restores an older store."""
    seeds = random.Random(seed)
    number = 0
    while True:
        database, repeats, restored = ROUNDS[number % len(ROUNDS)]
        number += 1
        own = seeds.randrange(1_000_000)
        if not given.sends:
            seconds = RESTORED_SECONDS if restored else ATTACK_SECONDS
            backoff = number % 3 != 0
            attack = Attack(
                database,
                repeats,
                own,
                seconds,
                given.pause or 0.3,
                customers=10,
                sizes=(200, 2_500),
                sender_rate=400.0,
                backoff=backoff,
                clocks=number % 4 == 2,
            )
        elif restored:
            continue
        else:
            attack = Attack(
                database,
                repeats,
                own,
                FOREVER_SECONDS,
                given.pause or 20.0,
                sends=min(given.sends, SENDS_A_RUN),
                sizes=(2_000, 10_000),
                sender_rate=2_000.0,
            )
        yield attack, restored


async def rounds(given: argparse.Namespace, seed: int) -> list[Tally]:
    """Run after run until the time is up, or until so many messages were sent."""
    deadline = time.monotonic() + given.seconds
    tallies: list[Tally] = []
    for attack, restored in attacks(given, seed):
        directory = Path(tempfile.mkdtemp(prefix="godwit-chaos-"))
        out.print(f"{attack.database}, seed {attack.seed}, logs in {directory}", highlight=False)
        tally = await (run_restored if restored else run)(directory, attack)
        if tally.verdict.is_clean:
            shutil.rmtree(directory)
        tallies.append(tally)
        out.print(tally.row(), highlight=False)
        for trouble in tally.verdict.troubles:
            out.print(f"  {trouble}", highlight=False)
        sends = sum(each.verdict.sends for each in tallies)
        if sends >= given.sends if given.sends else time.monotonic() + BESIDE_SECONDS > deadline:
            return tallies
    raise AssertionError("unreachable")


def main() -> None:
    """Read the arguments, run, print, and exit 1 when anything was lost, doubled or off."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--sends", type=int, default=0, help="instead of seconds")
    parser.add_argument("--seed", type=int, default=0, help="0 takes a new one and says which")
    parser.add_argument("--pause", type=float, default=0, help="seconds between two faults")
    given = parser.parse_args()
    seed = given.seed or random.SystemRandom().randrange(1, 1_000_000)
    # So that processes are stopped and file systems unmounted when it is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    out.print(f"seed {seed}", highlight=False)
    started = time.monotonic()
    tallies = asyncio.run(rounds(given, seed))
    out.print(table(tallies))
    kinds: Counter[str] = Counter()
    for tally in tallies:
        kinds.update(tally.faults)
    out.print(", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    for reason in sorted({reason for tally in tallies for reason in tally.missing}):
        out.print(reason, highlight=False)
    minutes = (time.monotonic() - started) / 60
    sends = sum(tally.verdict.sends for tally in tallies)
    out.print(f"seed {seed}: {sends:,} sends, {kinds.total()} faults, {minutes:.1f} minutes")
    sys.exit(0 if all(tally.verdict.is_clean for tally in tallies) else 1)


if __name__ == "__main__":
    main()
