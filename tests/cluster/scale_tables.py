"""The tables of docs/scale.md from measurements, and the page with them put in."""

import re
from collections.abc import Callable, Mapping, Sequence

from bench.machine import machine
from tests.cluster.measuring import (
    DAY_SECONDS,
    LARGE,
    LATE_SECONDS,
    SMALL,
    TIMES_FASTER,
    Costs,
    Day,
    Lateness,
    Loss,
)
from tests.cluster.table import markdown
from tests.cluster.usage import ALL_PARTS

# The load that the page reckons with: messages in a second at the peak, and how busy processors
# may be then.
PEAK, UTILISED = 1_160, 2 / 3
_TABLE = "<!-- scale: {} -->\n"
_MARK = re.compile(r"<!-- scale: (\w+) -->\n.*?(?=\n\n|\Z)", re.DOTALL)


def tables(costs: Sequence[Costs], day: Day | None, loss: Loss | None) -> dict[str, str]:
    """The tables by the names of their marks in the page; those that were measured."""
    found = {"machine": "; ".join(machine()) + "."}
    if costs:
        found["costs"] = _costs(costs)
        found["small"] = _small(costs)
        found["rates"] = _rates(costs)
        found["need"] = _need(costs)
    if day is not None:
        found["day"] = _day(day)
        found["busy"] = _busy(day)
    if loss is not None:
        found["loss"] = _loss(loss)
        found["recovery"] = (
            f"Everything that was due later than {loss.recovery:.1f} s after the loss was sent"
            f" within {LATE_SECONDS:g} s."
        )
    return found


def with_tables(page: str, found: Mapping[str, str]) -> str:
    """A page in which the tables below marks are the ones given; others stay as they are."""

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        return _TABLE.format(name) + found[name] if name in found else match[0]

    return _MARK.sub(replaced, page)


def _costs(costs: Sequence[Costs]) -> str:
    """Milliseconds of a processor for a message, by part and number of workers."""
    columns = [
        [1_000 * each.large.sending[part] / each.large.messages for part in ALL_PARTS]
        for each in _ascending(costs)
    ]
    columns.append([_receipt(costs, part) for part in ALL_PARTS])
    return _by_part(costs, columns, "a receipt", "{:.2f}")


def _small(costs: Sequence[Costs]) -> str:
    """The same for a campaign of ten."""
    columns = [
        [1_000 * each.small.sending[part] / each.small.campaigns for part in ALL_PARTS]
        for each in _ascending(costs)
    ]
    columns.append(
        [
            1_000 * _mean([each.small.receipts[part] / each.small.campaigns for each in costs])
            for part in ALL_PARTS
        ]
    )
    return _by_part(costs, columns, "receipts and the end", "{:.1f}")


def _by_part(
    costs: Sequence[Costs], columns: Sequence[Sequence[float]], last: str, form: str
) -> str:
    head = ["part", *(_workers(each) for each in _ascending(costs)), last]
    rows = [
        [part, *(form.format(column[row]) for column in columns)]
        for row, part in enumerate(ALL_PARTS)
    ]
    rows.append(["all", *(form.format(sum(column)) for column in columns)])
    return markdown(head, rows)


def _rates(costs: Sequence[Costs]) -> str:
    """Messages in a second, and what an installation uses that does nothing."""
    head = ("", *(_workers(each) for each in _ascending(costs)))
    lines: dict[str, Callable[[Costs], str]] = {
        f"messages a second, campaigns of {LARGE:,}": lambda each: f"{each.large.rate:,.0f}",
        f"messages a second, campaigns of {SMALL}": lambda each: f"{each.small.rate:,.0f}",
        f"POST of {LARGE:,} beside others, seconds": lambda each: f"{each.large.post_seconds:.2f}",
        f"POST of {SMALL} beside others, seconds": lambda each: f"{each.small.post_seconds:.2f}",
        "processors in use without work": lambda each: f"{sum(each.idle.values()):.2f}",
    }
    return markdown(
        head,
        [[name, *(value(each) for each in _ascending(costs))] for name, value in lines.items()],
    )


def _need(costs: Sequence[Costs]) -> str:
    """Processors at the peak, from the costs with one worker and those of receipts."""
    one = min(costs, key=lambda each: each.workers)
    rows, sums = [], [0.0, 0.0]
    for part in ALL_PARTS:
        each = 1_000 * one.large.sending[part] / one.large.messages + _receipt(costs, part)
        busy = each * PEAK / 1_000
        sums = [sums[0] + each, sums[1] + busy]
        rows.append([part, f"{each:.2f}", f"{busy:.2f}", f"{busy / UTILISED:.1f}"])
    rows.append(["all", f"{sums[0]:.2f}", f"{sums[1]:.2f}", f"{sums[1] / UTILISED:.1f}"])
    return markdown(("part", "ms", f"× {PEAK:,}/s (C)", "cores at two thirds (C)"), rows)


def _day(day: Day) -> str:
    found = day.lateness
    rows = [
        ["messages", f"{found.messages:,}"],
        [
            "campaigns start for",
            f"{day.seconds / 60:.1f} min at {TIMES_FASTER} × the speed of a day",
        ],
        ["rate", f"{day.messages_a_day / DAY_SECONDS:,.0f}/s: a day of {day.messages_a_day:,}"],
        ["sent, delivered", f"{found.messages:,}, {day.delivered:,}"],
        ["sent after the due instant, p50", _seconds(found.p50)],
        ["the same, p99", _seconds(found.p99)],
        ["the same, at most", _seconds(found.most)],
        [f"POST of {LARGE:,}, median and at most", _posts(found)],
        ["processors in use", f"{sum(day.busy.values()):.2f}"],
    ]
    return markdown(("what", "measured"), rows)


def _busy(day: Day) -> str:
    rows = [[part, f"{day.busy[part]:.2f}"] for part in ALL_PARTS]
    return markdown(("part", "processors in use"), rows)


def _loss(loss: Loss) -> str:
    head = ("campaigns that start", "messages", "late, p50", "p99", "at most", "POST, median, most")
    rows = [
        [
            each.name,
            f"{each.messages:,}",
            _seconds(each.p50),
            _seconds(each.p99),
            _seconds(each.most),
            _posts(each),
        ]
        for each in loss.rows
    ]
    return markdown(head, rows)


def _receipt(costs: Sequence[Costs], part: str) -> float:
    """Milliseconds for one receipt, which do not depend on the number of workers."""
    return 1_000 * _mean([each.large.receipts[part] / each.large.messages for each in costs])


def _posts(found: Lateness) -> str:
    ordered = sorted(found.posts)
    return f"{_seconds(ordered[len(ordered) // 2])}, {_seconds(ordered[-1])}" if ordered else "–"


def _ascending(costs: Sequence[Costs]) -> list[Costs]:
    return sorted(costs, key=lambda each: each.workers)


def _workers(each: Costs) -> str:
    return f"{each.workers} worker{'s' if each.workers > 1 else ''}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _seconds(value: float) -> str:
    return f"{value:.2f} s"
