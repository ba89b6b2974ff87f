"""The table, for the terminal and as Markdown."""

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich import box
from rich.table import Table

from bench.figures import spread
from bench.results import Graded, Results, Verdict
from bench.series import BARE, HTTPX, PARTS, Series

MARKS = {Verdict.KEPT: "✓", Verdict.MISSED: "✗ miss", Verdict.OPEN: "not measured"}
STYLES = {Verdict.KEPT: "green", Verdict.MISSED: "bold red", Verdict.OPEN: "dim"}
LETTERS = {BARE: "(a)", HTTPX: "(b)", "temporal": "(c)", "celery": "(d)"}
LETTERS |= {"standalone": "(f)", "listmonk": "(h)"}
HEADINGS = ("what", "median", "lowest – highest", "× (a)", "× (b)", "processor ms", "budget", "")
# Of a row as Markdown its title, and the number and the unit of its median.
_ROW = re.compile(r"^\| ([^|]+) \| (-?[\d,]+(?:\.\d+)?)(/s| [^|]*)? \|", re.M)
WRAPPED = (0, HEADINGS.index("processor ms"), len(HEADINGS) - 1)


def number(value: float, unit: str) -> str:
    """A value as people read it, with its unit; rates in whole numbers."""
    if unit in ("/s", "events", "KB", "MB", "B", ""):
        text = f"{value:,.0f}" if abs(value) >= 10 else f"{value:.1f}"
    elif unit == "R²":
        text = f"{value:.4f}"
    else:
        text = f"{value:.2f}"
    return f"{text}/s" if unit == "/s" else f"{text} {unit}".rstrip()


def budget_cell(graded: Graded) -> str:
    """A budget in words, and for a multiple what it came to."""
    budget = graded.budget
    limit = f"{'≥' if budget.at_least else '≤'} {budget.limit:,.6g}"
    if budget.against is None:
        return limit
    came = f"{graded.value:.2f}" if graded.value is not None else "–"
    return f"{limit} × {LETTERS.get(budget.against, budget.against)}: {came}"


def lines(series: Sequence[Series], results: Results) -> list[list[tuple[str, str]]]:
    """The cells of each line with their styles; a series has a line for each budget."""
    table: list[list[tuple[str, str]]] = []
    for one in series:
        graded = results.grade(one)
        first = [(text, "") for text in _first_cells(one, results)]
        for index, each in enumerate(graded or [None]):
            head = first if index == 0 else [("", "")] * len(first)
            budget = (budget_cell(each), "") if each else ("", "")
            mark = (MARKS[each.verdict], STYLES[each.verdict]) if each else ("", "")
            if index == 0 and (times := results.decline(one)):
                word = "slower" if one.unit in ("/s", "s") else "more"
                worse = f"{times:.1f} × {word} than last time"
                mark = (f"{mark[0]}, {worse}" if each else worse, mark[1] or "yellow")
            table.append([*head, budget, mark])
    return table


def terminal_table(series: Sequence[Series], results: Results, title: str) -> Table:
    """The table for a terminal."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for index, heading in enumerate(HEADINGS):
        table.add_column(
            heading, justify="right" if 0 < index < 5 else "left", no_wrap=index not in WRAPPED
        )
    for line in lines(series, results):
        table.add_row(*(f"[{style}]{text}[/]" if style else text for text, style in line))
    return table


def markdown_table(series: Sequence[Series], results: Results) -> str:
    """The same table as Markdown."""
    rows = [" | ".join(HEADINGS[:-1] + ("kept",)), " | ".join(["---"] * len(HEADINGS))]
    rows += [" | ".join(text for text, _ in line) for line in lines(series, results)]
    return "\n".join(f"| {row} |" for row in rows)


def read_medians(file: Path) -> dict[tuple[str, str], float]:
    """The medians of a table as Markdown, by title and unit; none without the file."""
    found = _ROW.findall(file.read_text("utf-8")) if file.exists() else []
    return {(title, unit.strip()): float(text.replace(",", "")) for title, text, unit in found}


def notes(series: Sequence[Series], results: Results) -> list[str]:
    """What is to be said about rows, once where neighbours share it: what was odd or is missing."""
    said: list[str] = []
    for note, group in groupby(series, key=lambda one: results.notes.get(one.name, "")):
        title, *others = [one.title for one in group]
        if note:
            below = f", and the {len(others)} below" if others else ""
            said.append(f"{title}{below}: {note}")
    return said


def _first_cells(series: Series, results: Results) -> list[str]:
    values = results.values(series.name)
    middle = results.median(series.name)
    if middle is None:
        gone = "failed" if series.name in results.failed else "–"
        return [series.title, gone, "", "", "", ""]
    low, high = spread(values)
    ratios = ["", ""]
    if series.unit == "/s":
        ratios = [_ratio(results.ratio(series.name, against)) for against in (BARE, HTTPX)]
    between = f"{number(low, series.unit)} – {number(high, series.unit)}" if len(values) > 1 else ""
    parts = [f"{PARTS[part]} {value:.2f}" for part, value in results.parts(series.name).items()]
    return [series.title, number(middle, series.unit), between, *ratios, ", ".join(parts)]


def _ratio(value: float | None) -> str:
    return f"{value:.2f}" if value is not None else ""
