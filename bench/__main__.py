"""The command line: ``python -m bench --count 5000 --runs 3 --only bare,sqlite``."""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench.machine import machine, versions
from bench.processes import ROOT
from bench.results import Results
from bench.rows.sizes import Sizes
from bench.runs import NAMES, Bench
from bench.series import all_series
from bench.table import markdown_table, notes, read_medians, terminal_table

RESULTS = ROOT / "bench" / "results.md"
HELP = {
    "count": "messages of the common work",
    "slow": "messages of slow contenders",
    "large": "recipients of the largest campaign",
    "storm": "campaigns of the due storm",
    "sleeping": "campaigns that wait for their hour",
    "spread_hours": "a spread that is waited for",
    "at_once": "messages under way at once",
}
# What ``--quick`` measures, unless something else is asked for.
QUICK = {
    "runs": 1,
    "slow": 300,
    "storm": 50,
    "only": "bare,transport,httpx,temporal,celery,standalone,pgqueuer,listmonk,"
    "sqlite_two,postgres_two,storm,pausing,help",
}


def main() -> int:
    """Measure, print the table, write it down; 1 when something could not be measured."""
    options = _options()
    names = set(options.only.split(",")) if options.only else set(NAMES)
    if unknown := names - set(NAMES):
        sys.stderr.write(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}\n")
        return 2
    sizes = Sizes(**{field.name: getattr(options, field.name) for field in fields(Sizes)})
    began, facts = time.monotonic(), [*machine(), *versions()]
    try:
        results = _measure(sizes, options.runs, names)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.stderr.write("stopped; every process that was started is ended\n")
        return 130
    if sizes.count == Sizes().count:
        results.last = read_medians(RESULTS)
    series = [
        one
        for one in all_series(sizes)
        if not options.only or results.values(one.name) or one.name in results.notes
    ]
    title = f"{sizes.count:,} messages, medians of {options.runs}"
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(terminal_table(series, results, title))
    for note in notes(series, results):
        console.print(f"· {note}", markup=False, highlight=False)
    target = Path(options.out) if options.out else None if options.only else RESULTS
    if target is not None:
        head = f"{title}, {time.monotonic() - began:.0f} s in all, {datetime.now(UTC):%Y-%m-%d}."
        text = ["# Results", "", head, "How to read this: [README.md](README.md).", ""]
        text += [f"- {fact}" for fact in facts]
        text += ["", markdown_table(series, results), ""]
        text += [f"- {note}" for note in notes(series, results)]
        target.write_text("\n".join(text).rstrip() + "\n", "utf-8")
    return 1 if results.failed else 0


def _measure(sizes: Sizes, runs: int, names: set[str]) -> Results:
    console = Console(stderr=True)
    began = time.monotonic()

    def say(line: str) -> None:
        seconds = time.monotonic() - began
        console.print(f"{seconds:6.1f} s  {line}", markup=False, highlight=False, soft_wrap=True)

    async def measure(directory: Path) -> Results:
        task = asyncio.current_task()
        assert task is not None
        # Ended from outside, all children are stopped in order too.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await Bench(sizes, runs, names, directory, say).run()

    with tempfile.TemporaryDirectory(prefix="godwit-bench-") as directory:
        return asyncio.run(measure(Path(directory)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    for field in fields(Sizes):
        name, kind = f"--{field.name.replace('_', '-')}", type(field.default)
        what = f"{HELP[field.name]}; {field.default:,}"
        parser.add_argument(name, type=kind, default=field.default, help=what)
    parser.add_argument("--runs", type=int, default=3, help="how often; medians are shown")
    parser.add_argument("--only", default="", help=f"some of: {','.join(NAMES)}")
    parser.add_argument("--out", default="", help="where the results go; default bench/results.md")
    parser.add_argument("--quick", action="store_true", help="the main rows once, in two minutes")
    if parser.parse_args().quick:
        parser.set_defaults(**QUICK)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
