"""Draws the panels of a Grafana board as SVG: numbers, and lines over time with their legends."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

COLUMN, ROW = 48, 25
GAP = 8
TITLE = 22
LEFT, BELOW = 46, 18
LEGEND, LEGENDS_MAX = 15, 8
LETTER = 6.2
COLOURS = "#3b7dd8 #e08a1e #2f9e62 #c0392b #8e5bb5 #17a2b8 #b8860b #d6569c #607d8b #7cb342".split()
OK, WARNING, FAULT = "#2f9e62", "#e08a1e", "#c0392b"
NAMED_COLOURS = {"green": OK, "orange": WARNING, "red": FAULT}
UNITS = {"cps": "/s", "reqps": "/s", "s": " s", "bytes": " MB"}
STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#333}.t{font-weight:600;font-size:12px}"
    ".p{fill:#fff;stroke:#ddd}.g{stroke:#eee}.l{fill:none;stroke-width:1.6}"
    ".n{font-weight:600;text-anchor:middle}.c{text-anchor:middle}.e{text-anchor:end}"
)

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """One line: its name in the legend, and its values over time in seconds."""

    name: str
    points: Points


def draw(panels: Sequence[tuple[Mapping[str, Any], Sequence[Series]]], caption: str) -> str:
    """A board as SVG: panels as in a Grafana dashboard, with the series of each."""
    spots = [panel["gridPos"] for panel, _ in panels]
    width = COLUMN * max(spot["x"] + spot["w"] for spot in spots) + GAP
    height = ROW * max(spot["y"] + spot["h"] for spot in spots) + GAP + TITLE
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(caption)}</title><style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#f5f6f8"/>',
        f'<text x="{GAP}" y="16">{escape(caption)}</text>',
    ]
    for panel, series in panels:
        spot = panel["gridPos"]
        x, y = GAP + COLUMN * spot["x"], TITLE + GAP + ROW * spot["y"]
        wide, high = COLUMN * spot["w"] - GAP, ROW * spot["h"] - GAP
        lines.append(f'<g transform="translate({x},{y})">')
        lines.append(f'<rect class="p" width="{wide}" height="{high}" rx="3"/>')
        lines.append(f'<text class="t" x="8" y="16">{escape(panel["title"])}</text>')
        kind = _numbers if panel["type"] == "stat" else _lines
        lines += kind(panel, series, wide, high)
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def _numbers(
    panel: Mapping[str, Any], series: Sequence[Series], wide: float, high: float
) -> list[str]:
    """The last value of each series, in the colour of its threshold."""
    defaults = panel["fieldConfig"]["defaults"]
    words = {
        value: option["text"]
        for mapping in defaults.get("mappings", [])
        for value, option in mapping["options"].items()
    }
    cell = wide / max(1, len(series))
    drawn = []
    for index, each in enumerate(series):
        value = each.points[-1][1]
        shown = words.get(f"{value:g}") or _number(value, defaults.get("unit", ""))
        colour = OK
        for step in defaults["thresholds"]["steps"]:
            if step["value"] is None or value >= step["value"]:
                colour = NAMED_COLOURS[step["color"]]
        x = cell * (index + 0.5)
        size = 20 if cell > 60 else 14
        drawn.append(
            f'<text class="n" x="{x:.0f}" y="{high * 0.62:.0f}" '
            f'style="fill:{colour};font-size:{size}px">{escape(shown)}</text>'
        )
        drawn.append(
            f'<text class="c" x="{x:.0f}" y="{high * 0.85:.0f}">{escape(each.name)}</text>'
        )
    return drawn


def _lines(
    panel: Mapping[str, Any], series: Sequence[Series], wide: float, high: float
) -> list[str]:
    """Each series as a line, between the axes, with a legend below."""
    unit = panel["fieldConfig"]["defaults"].get("unit", "")
    if not series:
        return [f'<text class="c" x="{wide / 2:.0f}" y="{high / 2:.0f}">nothing to show</text>']
    points = [point for each in series for point in each.points]
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    top = _round_up(max(value for _, value in points))
    legend, rows = _legend(series[:LEGENDS_MAX], wide)
    bottom = high - BELOW - LEGEND * rows
    drawn = []
    for share in (0, 0.5, 1):
        y = bottom - share * (bottom - TITLE - 6)
        drawn.append(f'<path class="g" d="M{LEFT} {y:.0f}H{wide - 8:.0f}"/>')
        drawn.append(
            f'<text class="e" x="{LEFT - 4}" y="{y + 4:.0f}">{_number(share * top, unit)}</text>'
        )
    span = max(1.0, last - first)
    for index, each in enumerate(series):
        places = " ".join(
            f"{LEFT + (at - first) / span * (wide - LEFT - 8):.0f},"
            f"{bottom - value / top * (bottom - TITLE - 6):.1f}"
            for at, value in each.points
        )
        colour = COLOURS[index % len(COLOURS)]
        drawn.append(f'<polyline class="l" stroke="{colour}" points="{places}"/>')
    drawn.append(f'<text x="{LEFT}" y="{bottom + 13:.0f}">-{span / 60:.0f} min</text>')
    drawn.append(f'<text class="e" x="{wide - 8:.0f}" y="{bottom + 13:.0f}">now</text>')
    shift = bottom + BELOW + 8
    return [*drawn, f'<g transform="translate(0,{shift:.0f})">', *legend, "</g>"]


def _legend(series: Sequence[Series], wide: float) -> tuple[list[str], int]:
    """The names beside their colours, and how many rows they take."""
    drawn, x, row = [], 8.0, 0
    for index, each in enumerate(series):
        needed = 22 + LETTER * len(each.name)
        if x > 8 and x + needed > wide:
            x, row = 8.0, row + 1
        y = LEGEND * row
        colour = COLOURS[index % len(COLOURS)]
        drawn.append(f'<rect x="{x:.0f}" y="{y - 3}" width="10" height="3" fill="{colour}"/>')
        drawn.append(f'<text x="{x + 14:.0f}" y="{y + 2}">{escape(each.name)}</text>')
        x += needed
    return drawn, row + 1


def _number(value: float, unit: str) -> str:
    if unit == "bytes":
        value /= 2**20
    text = f"{value:,.0f}" if value >= 20 or value == int(value) else f"{value:.2g}"
    return text + UNITS.get(unit, "")


def _round_up(value: float) -> float:
    """The next value of 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)
