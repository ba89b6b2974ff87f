"""Everything that is measured, in the order of the table, with the budgets of the design (§9)."""

from collections.abc import Iterable
from dataclasses import dataclass

BARE, HTTPX = "bare", "httpx"
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


def rates(count: int) -> Iterable[Series]:
    """Messages per second, all contenders with the same work."""
    durable = (
        at_least(0.7, BARE),
        at_least(2, HTTPX),
        at_least(15, "temporal"),
        at_least(6, "celery"),
    )
    ours = durable if count >= DURABLE else ()
    yield Series("limit", "(limit) raw load generator", "/s")
    yield Series(BARE, "(a) bare loop, our transport", "/s")
    yield Series(HTTPX, "(b) plain httpx.AsyncClient loop", "/s")
    yield Series("temporal", "(c) Temporal, an activity per recipient", "/s")
    yield Series("celery", "(d) Celery + Redis, acks_late", "/s")
    yield Series("procrastinate", "(e) procrastinate on PostgreSQL", "/s")
    for name, database in (("sqlite", "SQLite"), ("postgres", "PostgreSQL")):
        yield Series(name, f"Godwit on {database}, POST to settled", "/s", ours)
        yield Series(f"{name}_sending", f"Godwit on {database}, first send to last", "/s", ours)


def others(count: int, large: int, storm: int) -> Iterable[Series]:
    """What is no rate."""
    posted = (at_most(1.0 * max(1.0, count / DURABLE)),)
    yield Series("submission", f"POST of {count:,} until answered", "s", posted)
    linear = (at_most(large / count, "submission"),)
    yield Series("large", f"POST of {large:,} until answered", "s", linear)
    yield Series("large_memory", f"worker memory at most, sending {large:,}", "MB", (at_most(250),))
    yield Series("large_flat", "worker memory, last third / first third", "×", (at_most(1.15),))
    out = (at_most(15 * storm / 1_000),)
    yield Series("storm_p50", f"{storm} campaigns of 10 due at once: lag p50", "s")
    yield Series("storm_p99", f"{storm} campaigns of 10 due at once: lag p99", "s")
    yield Series("storm_last", f"{storm} campaigns of 10 due at once: all out", "s", out)
    yield Series("pause", "pause until the last send", "s", (at_most(2),))
    yield Series("cancel", "cancel until the last send", "s", (at_most(2),))
    yield Series("worker_killed", "kill -9 of the worker until sends flow", "s", (at_most(15),))
    yield Series("server_killed", "kill -9 of Temporal until sends flow", "s", (at_most(15),))
    events = (at_most(10_240),)
    per_hundred = (at_most(5),) if count >= DURABLE else ()
    yield Series("history_events", f"history of {count:,} recipients", "events", events)
    yield Series("history_per_100", "history per 100 recipients", "events", per_hundred)
    yield Series("history_size", f"history of {count:,} recipients", "KB")
    yield Series("growth_small", f"cost per 1,000, {count // 5:,} recipients", "s")
    yield Series("growth_middle", f"cost per 1,000, {count // 2:,} recipients", "s")
    yield Series("growth_whole", f"cost per 1,000, {count:,} recipients", "s")
    yield Series("growth_r2", "cost is linear in recipients", "R²", (at_least(0.98),))


def all_series(count: int, large: int, storm: int) -> list[Series]:
    """Every row of the table."""
    return [*rates(count), *others(count, large, storm)]
