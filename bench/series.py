"""Everything that is measured, in the order of the table, with the budgets of the design (§8)."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.rows.sizes import Sizes
from bench.rows.storm import RECIPIENTS

BARE, HTTPX = "bare", "httpx"
# Whose processor time is told, and how the table names them.
PARTS = {
    "own": "own",
    "worker": "worker",
    "api": "API",
    "temporal": "Temporal",
    "redis": "Redis",
    "postgres": "PostgreSQL",
}
DATABASES = (("sqlite", "SQLite"), ("postgres", "PostgreSQL"))
DURABLE = 5_000  # The budgets that name a number of recipients name this one.


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit for the median; ``against`` names the series whose multiple it limits."""

    limit: float
    at_least: bool
    against: str | None = None

    def holds(self, value: float) -> bool:
        """Tell whether a median is within the budget."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Series:
    """One row of the table."""

    name: str
    title: str
    unit: str
    budgets: tuple[Budget, ...] = ()


def at_least(limit: float, against: str | None = None) -> Budget:
    """A budget that the median must reach."""
    return Budget(limit, True, against)


def at_most(limit: float, against: str | None = None) -> Budget:
    """A budget that the median must not pass."""
    return Budget(limit, False, against)


OF_BARE = {"sqlite": 1.0, "postgres": 0.7}
OF_PEERS = (
    at_least(20, HTTPX),
    at_least(20, "temporal"),
    at_least(10, "celery"),
    at_least(50, "standalone"),
    at_least(1, "listmonk"),
)


def rates(sizes: Sizes) -> Iterable[Series]:
    """Messages per second, all contenders with the same work."""
    yield Series("limit", "(limit) raw load generator", "/s")
    yield Series(BARE, "(a) bare loop on aiohttp", "/s")
    yield Series("transport", "the same loop, our transport", "/s")
    yield Series(HTTPX, "(b) plain httpx.AsyncClient loop", "/s")
    yield Series("temporal", "(c) Temporal, an activity per recipient", "/s")
    yield Series("celery", "(d) Celery + Redis, acks_late", "/s")
    yield Series("procrastinate", "(e) procrastinate on PostgreSQL", "/s")
    yield Series("standalone", "(f) Temporal, Standalone Activities", "/s")
    yield Series("pgqueuer", "(g) pgqueuer on PostgreSQL", "/s")
    yield Series("listmonk", "(h) listmonk 1.1.0, postback messenger", "/s")
    for name, database in DATABASES:
        # The design means one worker for each of two cores.
        held = (at_least(OF_BARE[name], BARE), *OF_PEERS) if sizes.count >= DURABLE else ()
        for key, stack, budgets in (
            (name, database, ()),
            (f"{name}_two", f"{database}, 2 workers", held),
        ):
            yield Series(key, f"Godwit on {stack}, POST to settled", "/s", budgets)
            yield Series(f"{key}_sending", f"Godwit on {stack}, first send to last", "/s", budgets)
        yield Series(f"{name}_gain", f"{database}: 2 workers / 1, first send to last", "×")


def promptness(sizes: Sizes) -> Iterable[Series]:
    """How soon things happen, and how near to when they should."""
    posted = (at_most(0.3 * max(1.0, sizes.count / DURABLE)),)
    yield Series("submission", f"POST of {sizes.count:,} until answered", "s", posted)
    yield Series("submission_postgres", "the same on PostgreSQL", "s")
    large = (at_most(3 * max(1.0, sizes.large / 50_000)),)
    yield Series("large", f"POST of {sizes.large:,} until answered", "s", large)
    storm = f"{sizes.storm} campaigns of {RECIPIENTS} due at once"
    yield Series("storm_p50", f"{storm}: lag p50", "s")
    yield Series("storm_p99", f"{storm}: lag p99", "s")
    out = (at_most(15 * sizes.storm / 1_000),)
    yield Series("storm_last", f"{storm}: all out", "s", out)
    spread = f"{sizes.count:,} over {sizes.spread_hours * 3_600:g} s: off the ideal instant"
    yield Series("spread_p50", f"{spread}, p50", "s")
    yield Series("spread_p99", f"{spread}, p99", "s", (at_most(2),))
    yield Series("spread_max", f"{spread}, at most", "s")
    yield Series("spread_early", f"{spread}, early", "", (at_most(0),))
    yield Series("days_p99", f"{sizes.slow:,} over 72 h: the same, p99", "s", (at_most(2),))
    for verb in ("pause", "stop", "cancel"):
        yield Series(verb, f"{verb} until the last send", "s", (at_most(1),))
    yield Series("worker_killed", "kill -9 of the worker until sends flow", "s", (at_most(10),))
    yield Series("server_killed", "kill -9 of Temporal until sends flow", "s", (at_most(10),))
    yield Series("help", "godwit --help", "s", (at_most(0.3),))


def growth(sizes: Sizes) -> Iterable[Series]:
    """What becomes of time, memory and history when there is more, or nothing, to do."""
    yield Series(
        "large_memory", f"worker memory at most, sending {sizes.large:,}", "MB", (at_most(250),)
    )
    yield Series("large_flat", "worker memory, last third / first third", "×", (at_most(1.15),))
    for place, count in enumerate(sizes.growing, start=1):
        yield Series(f"growth_{place}", f"cost per 1,000, {count:,} recipients", "s")
    straight = (at_least(0.99),)
    yield Series("growth_r2", "cost is linear in recipients", "R²", straight)
    yield Series("idle_none", "processor time of an idle stack", "s/min")
    yield Series("idle_sleeping", f"with {sizes.sleeping:,} campaigns asleep", "s/min")
    yield Series("idle_cost", "what they add", "s/min", (at_most(0.6),))
    events = (at_most(10_240),)
    per_hundred = (at_most(5),) if sizes.count >= DURABLE else ()
    yield Series("history_events", f"history of {sizes.count:,} recipients", "events", events)
    yield Series("history_per_100", "history per 100 recipients", "events", per_hundred)
    yield Series("history_size", f"history of {sizes.count:,} recipients", "KB")
    large = f"history of {sizes.large:,} recipients"
    yield Series("history_large_events", large, "events", events)
    yield Series("history_large_size", large, "KB")
    days = f"history of {sizes.slow:,} recipients over 72 h"
    yield Series("days_events", days, "events", events)
    yield Series("days_size", days, "KB")


def costs(sizes: Sizes) -> Iterable[Series]:
    """What a message costs, as docs/scale.md reckons with it."""
    for name, database in DATABASES:
        title = f"on {database}, per message: time of the worker"
        yield Series(f"{name}.worker", title, "ms", (at_most(0.16),))
    yield Series("cost_wal", "on PostgreSQL, per message: write-ahead log", "B")
    yield Series("cost_writes", "on PostgreSQL, per 1,000: transactions that write", "")
    yield Series("cost_entries", "on PostgreSQL, per 1,000: lines in the books", "")
    each = "on PostgreSQL, per receipt: time of"
    yield Series("receipt_api", f"{each} the API", "ms", (at_most(0.35),))
    yield Series("receipt_postgres", f"{each} PostgreSQL", "ms", (at_most(0.2),))
    yield Series("receipt_wal", "on PostgreSQL, per receipt: write-ahead log", "B")
    yield Series("kept_loose", "on PostgreSQL, per message: bytes as sent", "B")
    yield Series("kept_message", "packed, of its row in message", "B")
    yield Series("kept_attempt", "packed, of its row in attempt", "B")
    yield Series("sqlite_bytes", "on SQLite, per message: bytes", "B")
    yield Series("small_cpu", f"a campaign of {RECIPIENTS}: time of all", "ms", (at_most(50),))
    yield Series("small_bytes", f"a campaign of {RECIPIENTS}: bytes of Temporal", "B")
    small = f"a campaign of {RECIPIENTS}: history"
    yield Series("small_events", f"{small}, due at once", "events", (at_most(18),))
    yield Series("later_events", f"{small}, due later", "events")


def all_series(sizes: Sizes) -> list[Series]:
    """Every row of the table."""
    return [*rates(sizes), *promptness(sizes), *growth(sizes), *costs(sizes)]
