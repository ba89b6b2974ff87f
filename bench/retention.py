"""What old messages cost, and what it costs to remove them: ``-m bench.retention``.

The store is filled by SQL with ended campaigns of 5,000, by default 10,000,000 messages in all, and
an attempt at each; nine tenths are then removed in the steps and with the pauses of the reconciler.
Before and after, campaigns of 5,000 are admitted and sent in chunks of 128, and reports and lists
are read; one campaign more is sent while messages are being removed. SQLite first, then PostgreSQL,
each removed afterwards. Prints tables of milliseconds: medians, then the 99th percent.
"""

import argparse
import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr
from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.console import fill
from bench.figures import percentile
from bench.servers import postgres_server, store_url
from campaign.instants import DAY, HOUR, Instant
from campaign.settings import Settings
from starter.api.reconciler import MESSAGES_AT_ONCE, PAUSE_SECONDS
from store.campaigns.message_search import MessageFilter
from store.clock import wall_clock
from store.database.migrate import upgrade
from store.store import Store, open_store
from tests.store.builders import StoreBuilder, outcome

CAMPAIGN, CHUNK = 5_000, 128
# No idempotency key of the filled campaigns is in force any more.
AGE: Instant = 3 * DAY
KEPT = "cmp_000001"
_ATTEMPTS = text("""
    INSERT INTO attempt (campaign_id, position, number, started_at, ended_at, outcome, carrier)
    SELECT campaign_id, position, 1, sent_at - 300, sent_at, 'sent', 'pretend' FROM message
    WHERE campaign_id = :campaign AND sent_at IS NOT NULL
""")

Times = dict[str, list[float]]


@dataclass(slots=True)
class Measured:
    """Milliseconds of each kind of work at three times, and what the removal did."""

    database: str
    filled: int
    times: Mapping[str, Times] = field(
        default_factory=lambda: {"before": {}, "meanwhile": {}, "after": {}}
    )
    steps: list[float] = field(default_factory=list)
    removed: int = 0
    seconds: float = 0.0
    megabytes: dict[str, float] = field(default_factory=dict)


def clocked(times: Times, what: str, work: Callable[[], object]) -> None:
    """Do something, and note the milliseconds that it took."""
    began = time.perf_counter()
    work()
    times.setdefault(what, []).append(1000 * (time.perf_counter() - began))


def send(builder: StoreBuilder, times: Times) -> None:
    """Admit a campaign and send it in chunks: each claims some and writes the outcomes of those."""
    admitted: list[str] = []
    now = wall_clock()
    clocked(times, "admission of 5,000", lambda: admitted.append(builder.admit(CAMPAIGN, now=now)))
    (campaign,) = admitted
    positions: Sequence[int] = ()

    def chunk() -> None:
        nonlocal positions
        outcomes = [outcome(position, at=now) for position in positions]
        claimed = builder.flush_and_claim(campaign, outcomes, claim=CHUNK, now=now).claimed
        positions = [one.position for one in claimed]

    for _ in range(CAMPAIGN // CHUNK + 2):
        clocked(times, "a chunk: claim and outcomes of 128", chunk)


def read(builder: StoreBuilder, times: Times) -> None:
    """Read what lists and reports read."""
    store, account = builder.store, builder.account_id
    for _ in range(20):
        clocked(times, "report of 5,000", lambda: store.campaigns.report(KEPT))
        clocked(times, "51 campaigns", lambda: store.campaigns.list(account, 51))
        clocked(
            times, "101 messages", lambda: store.message_log.search(MessageFilter(), account, 101)
        )


def remove(store: Store, found: Measured, before: Instant, stop: Callable[[], bool]) -> None:
    """Remove messages as the reconciler does, until there are none or ``stop`` says so."""
    began, more = time.perf_counter(), True
    while more and not stop():
        step = time.perf_counter()
        more = store.removal.remove(before, wall_clock(), MESSAGES_AT_ONCE)
        took = time.perf_counter() - step
        found.steps.append(1000 * took)
        time.sleep(max(PAUSE_SECONDS, took))
    found.seconds += time.perf_counter() - began


def measure(url: str, name: str, messages: int) -> Measured:
    """Fill a store and measure it; ``name`` is that of its database."""
    settings = Settings(database_url=url, secret_key=SecretStr("of a benchmark"))
    store = open_store(settings)
    upgrade(store.database)
    account, _ = store.accounts.create("bench", 0, 10**9, 10**9, ("+18005559876",))
    count = max(20, messages // CAMPAIGN)
    found, now = Measured(name, count * CAMPAIGN), wall_clock() - AGE
    fill(store, account.id, [CAMPAIGN] * count, now)
    store.database.write(
        lambda connection: [
            connection.execute(_ATTEMPTS, {"campaign": f"cmp_{number:06d}"})
            for number in range(count)
        ]
    )
    builder = StoreBuilder(store, account.id)
    found.megabytes["before"] = size(store)
    for _ in range(3):
        send(builder, found.times["before"])
    read(builder, found.times["before"])
    # ``fill`` ends a campaign each hour, the newest first, eight hours after it began.
    before = now - DAY - (count // 10) * HOUR + 8 * HOUR
    left = builder.value("SELECT count(*) FROM message")
    ended = threading.Event()
    removing = threading.Thread(target=remove, args=(store, found, before, ended.is_set))
    removing.start()
    for _ in range(3):
        send(builder, found.times["meanwhile"])
    ended.set()
    removing.join()
    remove(store, found, before, lambda: False)
    store.retention.scrub()
    found.removed = int(str(left)) + 3 * CAMPAIGN
    found.removed -= int(str(builder.value("SELECT count(*) FROM message")))
    for _ in range(3):
        send(builder, found.times["after"])
    read(builder, found.times["after"])
    found.megabytes["after"] = size(store)
    store.close()
    return found


def size(store: Store) -> float:
    """How many megabytes the database has on the disk."""
    statement = "SELECT pg_database_size(current_database())"
    if store.database.is_sqlite:
        statement = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    return store.database.read(
        lambda connection: float(connection.execute(text(statement)).scalar_one()) / 1e6
    )


async def measure_all(messages: int, names: Iterable[str]) -> Sequence[Measured]:
    """Measure each database of its own."""
    found = []
    for name in names:
        async with AsyncExitStack() as stack:
            if name == "PostgreSQL":
                made = (await stack.enter_async_context(postgres_server())).fresh()
                url = store_url(made)
            else:
                directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="godwit-bench-"))
                url = f"sqlite:///{Path(directory) / 'godwit.db'}"
            found.append(await asyncio.to_thread(measure, url, name, messages))
    return found


def shown(values: Sequence[float] | None) -> str:
    """The median and the 99th percent."""
    if not values:
        return "–"
    return " · ".join(f"{percentile(values, p):,.1f}" for p in (50, 99))


def main() -> int:
    """Measure, and print a table for each database."""
    parser = argparse.ArgumentParser(prog="bench.retention", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"))
    options = parser.parse_args()
    names = (options.only,) if options.only else ("SQLite", "PostgreSQL")
    console = Console(width=None if sys.stdout.isatty() else 120)
    for one in asyncio.run(measure_all(options.messages, names)):
        title = f"{one.database}, {one.filled:,} messages; ms: p50 · p99"
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
        for heading in ("", *one.times):
            table.add_column(heading, justify="right" if heading else "left")
        for what in one.times["before"]:
            table.add_row(what, *(shown(times.get(what)) for times in one.times.values()))
        console.print(table)
        console.print(
            f"{one.removed:,} removed in {one.seconds:,.0f} s "
            f"({one.removed / one.seconds:,.0f}/s), {len(one.steps):,} steps of "
            f"{shown(one.steps)} ms, at most {max(one.steps):,.0f} ms; "
            f"{one.megabytes['before']:,.0f} MB before, {one.megabytes['after']:,.0f} MB after."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
