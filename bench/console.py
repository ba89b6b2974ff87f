"""How heavy and how quick the pages of the console are on a large store: ``-m bench.console``.

The store is SQLite, filled by SQL: by default 1,000 campaigns with 1,000,000 messages, some of
them of 50,000, one of which is half sent. Each page is asked for in this process, without a
network. Prints a table; 1 when a page is over its budget, which is held against the time of the
processor: what other programs take of this machine is none of a page's.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
from pydantic import SecretStr
from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, text

from campaign.instants import DAY, HOUR, Instant
from campaign.settings import Settings
from console.handling import SESSION_COOKIE
from console.sessions import Signatures
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from service.campaigns import open_campaign_service
from starter.api.app import create_app
from store.clock import wall_clock
from store.database.migrate import upgrade
from store.store import Store, open_store
from telemetry.logs import configure

BYTES_MAX, MS_MAX = 100_000, 200
RUNNING, LARGE, SMALL = "cmp_000000", "cmp_000001", "cmp_000500"
SENDER = "+18005559876"
_CAMPAIGN = text("""
    INSERT INTO campaign (id, account_id, dialect, status, total, created_at, name, sender,
        spread_hours, base_at, payload_hash, exclude_opt_outs, unknown_policy, pauses_applied,
        started_at, finished_at)
    VALUES (:id, :account, 'native', :status, :size, :at, :name, :sender, 8.0, :at, '', TRUE,
        'hold', 0, :at, :ended)
""")
_MESSAGES = text("""
    INSERT INTO message (campaign_id, position, id, recipient, text, sender, kind, segments,
        status, reason, attempts, due_at, was_unknown, country, sent_at, final_at)
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :size)
    SELECT CAST(:id AS TEXT), i, CAST(:id AS TEXT) || '-' || i,
        '+1415' || (2000000 + (:first + i) % 7000000),
        'Hello person ' || i || ', your visit is on Monday at ten. Reply STOP to stop.', :sender,
        'sms', 1,
        CASE WHEN i >= :gone THEN 'queued' WHEN i % 50 = 7 THEN 'undelivered'
            WHEN i % 100 = 9 THEN 'failed' ELSE 'delivered' END,
        CASE WHEN i >= :gone THEN NULL WHEN i % 50 = 7 THEN 'unreachable'
            WHEN i % 100 = 9 THEN 'invalid_number' END,
        CASE WHEN i >= :gone THEN 0 ELSE 1 END,
        :at + i * (:span / :size), FALSE, 'US',
        CASE WHEN i < :gone THEN :at + i * (:span / :size) + 400 END,
        CASE WHEN i < :gone THEN :at + i * (:span / :size) + 2000 END
    FROM n
""")


@dataclass(frozen=True, slots=True)
class Measured:
    """A page: the bytes of its HTML, and milliseconds: of each time it was asked for, and of the
    processor for each."""

    title: str
    status: int
    size: int
    took: Sequence[float]
    worked: Sequence[float]

    @property
    def is_kept(self) -> bool:
        """Whether it is within its budgets."""
        return self.status == 200 and self.size <= BYTES_MAX and median(self.worked) <= MS_MAX


def sizes(campaigns: int, messages: int, largest: int) -> Sequence[int]:
    """The messages of each campaign: a tenth of all is in large ones, the rest is even."""
    large = max(2, messages // 10 // largest)
    rest, count = messages - large * largest, campaigns - large
    return [largest] * large + [rest // count + (n < rest % count) for n in range(count)]


def fill(store: Store, account_id: str, counts: Sequence[int], now: Instant) -> None:
    """Write campaigns of these sizes, the first of which is half sent, and their messages."""

    def work(connection: Connection) -> None:
        first = 0
        for index, size in enumerate(counts):
            is_running = index == 0
            at = now - 4 * HOUR if is_running else now - DAY - index * HOUR
            values = {
                "id": f"cmp_{index:06d}",
                "account": account_id,
                "status": "running" if is_running else "finished_with_failures",
                "size": size,
                "at": at,
                "ended": None if is_running else at + 8 * HOUR,
                "name": f"Campaign {index}",
                "sender": SENDER,
                "first": first,
                "gone": size // 2 if is_running else size,
                "span": 8 * HOUR,
            }
            connection.execute(_CAMPAIGN, values)
            connection.execute(_MESSAGES, values)
            first += size

    store.database.write(work)


def pages(campaigns: int) -> dict[str, str]:
    """The pages that are asked for, by what they show."""
    return {
        "list of campaigns": "/campaigns",
        "list, by name": "/campaigns?name=gn+77",
        "list, by state": "/campaigns?status=running",
        "list, oldest page": f"/campaigns?before=cmp_{campaigns - 20:06d}",
        "campaign of 50,000, half sent": f"/campaigns/{RUNNING}",
        "the same, changes": f"/campaigns/{RUNNING}/change",
        "campaign of 50,000, ended": f"/campaigns/{LARGE}",
        "the same, report": f"/campaigns/{LARGE}/report",
        "the same, failed ones": f"/campaigns/{LARGE}?status=failed",
        "the same, one number": f"/campaigns/{LARGE}?number=%2B14152050123",
        "the same, recipients 40,000 on": f"/campaigns/{LARGE}?after=40000",
        "campaign of 900": f"/campaigns/{SMALL}",
        "stop everything": "/stop",
        "drafts": "/new",
        "a person": "/people?number=%2B14152050123",
        "replies": "/replies",
        "credits": "/credits",
    }


async def timed(
    http: httpx.AsyncClient, path: str, runs: int
) -> tuple[httpx.Response, list[float], list[float]]:
    """Ask once and then ``runs`` times; the last answer, and ms elapsed and ms of processor."""
    took, worked = [], []
    for _ in range(runs + 1):
        began, busy = time.perf_counter(), time.process_time()
        answer = await http.get(path)
        took.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - busy))
    return answer, took[1:], worked[1:]


async def measure(
    directory: Path, counts: Sequence[int], runs: int
) -> tuple[Sequence[Measured], int]:
    """Fill a store and ask for each page; returns them, and the bytes of style and script."""
    settings = Settings(
        database_url=f"sqlite:///{directory / 'godwit.db'}", secret_key=SecretStr("of a benchmark")
    )
    store = open_store(settings)
    upgrade(store.database)
    account, pair = store.accounts.create("bench", 0)
    fill(store, account.id, counts, wall_clock())
    service = await open_campaign_service(settings, store)
    configure({"GODWIT_LOG_LEVEL": "warning"})
    app = create_app(ApiContext(settings, store, service, RequestLimiter("memory://")))
    cookies = {SESSION_COOKIE: Signatures(settings).session_token(pair.key_id)}
    transport = httpx.ASGITransport(app)
    found = []
    async with httpx.AsyncClient(
        transport=transport, base_url="http://godwit", cookies=cookies
    ) as http:
        for title, path in pages(len(counts)).items():
            answer, took, worked = await timed(http, f"/console{path}", runs)
            size = len(answer.content)
            found.append(Measured(title, answer.status_code, size, took, worked))
        shared = [await http.get(f"/console/static/console.{kind}") for kind in ("css", "js")]
    await service.close()
    store.close()
    return found, sum(len(one.content) for one in shared)


def main() -> int:
    """Measure, print the table; 1 when a page is over its budget."""
    parser = argparse.ArgumentParser(prog="bench.console", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=1_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--largest", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=5, help="how often; medians are shown")
    options = parser.parse_args()
    counts = sizes(options.campaigns, options.messages, options.largest)
    with tempfile.TemporaryDirectory(prefix="godwit-bench-") as directory:
        found, shared = asyncio.run(measure(Path(directory), counts, options.runs))
    title = f"{len(counts):,} campaigns, {sum(counts):,} messages, medians of {options.runs}"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    budget = f"≤ {BYTES_MAX // 1000} KB, {MS_MAX} ms"
    for heading in ("page", "KB", "ms of processor", "ms", budget):
        table.add_column(heading, justify="left" if heading == "page" else "right")
    for one in found:
        kept = "kept" if one.is_kept else "missed" if one.status == 200 else str(one.status)
        times = (f"{median(each):.0f}" for each in (one.worked, one.took))
        table.add_row(one.title, f"{one.size / 1000:.1f}", *times, kept)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    console.print(f"Style and script, which a browser keeps: {shared / 1000:.1f} KB.")
    return 0 if all(one.is_kept for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
