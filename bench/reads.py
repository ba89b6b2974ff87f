"""How quick the reads of the API are on a large store: ``-m bench.reads``.

The store is filled as that of ``bench.console``: by default 1,000 campaigns with 1,000,000
messages, some of them of 50,000. It is SQLite, or with ``--postgres`` a server of its own. Each
route is asked for in this process, without a network. Prints a table of the time of the processor,
with PostgreSQL that of the API alone, and of the time that passed; 1 when a route is over its
budget, which is held against the former.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr
from rich import box
from rich.console import Console
from rich.table import Table

from bench.console import LARGE, RUNNING, SENDER, fill, sizes, timed
from bench.figures import percentile
from bench.servers import postgres_server, store_url
from campaign.settings import Settings
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from service.campaigns import open_campaign_service
from starter.api.app import create_app
from store.clock import wall_clock
from store.database.migrate import upgrade
from store.store import open_store
from telemetry.logs import configure

MS_MAX = 50
NUMBER = "%2B14152050123"


@dataclass(frozen=True, slots=True)
class Read:
    """A route, and the milliseconds of each time: of the processor, and of the clock."""

    path: str
    status: int
    worked: Sequence[float]
    took: Sequence[float]

    @property
    def is_kept(self) -> bool:
        """Whether it is within its budget."""
        return self.status == 200 and percentile(self.worked, 99) <= MS_MAX


def paths() -> Sequence[str]:
    """The routes that are asked for."""
    campaigns = (
        "?limit=100", "?status=running", "?name=gn+77", f"?sender={SENDER.replace('+', '%2B')}"
    )  # fmt: skip
    messages = (
        "", "?status=delivered", "?status=failed", "?status=unknown", "?status=queued",
        f"?to={NUMBER}", f"?campaign={LARGE}", f"?sender={SENDER.replace('+', '%2B')}",
    )  # fmt: skip
    return [
        *(f"campaigns{query}" for query in campaigns),
        *(
            f"campaigns/{campaign}{part}"
            for campaign in (RUNNING, LARGE)
            for part in ("", "/timeline", "/report", "/messages?status=failed")
        ),
        *(f"messages{query}" for query in messages),
    ]


async def measure(url: str, counts: Sequence[int], runs: int) -> Sequence[Read]:
    """Fill a store and ask for each route ``runs`` times."""
    settings = Settings(database_url=url, secret_key=SecretStr("of a benchmark"))
    store = open_store(settings)
    upgrade(store.database)
    account, pair = store.accounts.create("bench", 0)
    fill(store, account.id, counts, wall_clock())
    service = await open_campaign_service(settings, store)
    configure({"GODWIT_LOG_LEVEL": "warning"})
    app = create_app(ApiContext(settings, store, service, RequestLimiter("memory://")))
    found = []
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://godwit/v1",
        headers={"Authorization": f"Bearer {pair.bearer}"},
    ) as http:
        for path in paths():
            answer, took, worked = await timed(http, path, runs)
            found.append(Read(path, answer.status_code, worked, took))
    await service.close()
    store.close()
    return found


async def read(counts: Sequence[int], runs: int, on_postgres: bool) -> Sequence[Read]:
    """Measure on a database that is removed afterwards."""
    async with AsyncExitStack() as stack:
        if on_postgres:
            made = (await stack.enter_async_context(postgres_server())).fresh()
            url = store_url(made)
        else:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="godwit-bench-"))
            url = f"sqlite:///{Path(directory) / 'godwit.db'}"
        return await measure(url, counts, runs)


def main() -> int:
    """Measure, print the table; 1 when a route is over its budget."""
    parser = argparse.ArgumentParser(prog="bench.reads", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=1_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--largest", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=100, help="how often each route is asked for")
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    counts = sizes(options.campaigns, options.messages, options.largest)
    found = asyncio.run(read(counts, options.runs, options.postgres))
    database = "PostgreSQL" if options.postgres else "SQLite"
    title = f"{len(counts):,} campaigns, {sum(counts):,} messages, {database}"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    headings = ("GET /v1/", "ms of processor: p50", "p99", "ms: p50", "p99", f"≤ {MS_MAX} ms")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == headings[0] else "right")
    for one in found:
        times = [f"{percentile(each, p):.0f}" for each in (one.worked, one.took) for p in (50, 99)]
        kept = "kept" if one.is_kept else "missed" if one.status == 200 else str(one.status)
        table.add_row(one.path, *times, kept)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return 0 if all(one.is_kept for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
