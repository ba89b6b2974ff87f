"""Draws a Grafana board as SVG: panels where its JSON has them, with their units and colours.

It knows the types, units and options that ``deploy/monitoring/grafana-board.json`` has, and fails
at others rather than drawing them otherwise than Grafana would.
"""

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

Panel = Mapping[str, Any]
# Instant of Unix time, and value.
Points = list[tuple[float, float]]
Series = tuple[Mapping[str, str], Points]
# By the panel's id and the target's letter.
Answers = dict[tuple[int, str], list[Series]]

COLUMN, ROW, GAP, TOP = 50, 27, 6, 44
WIDTH = 24 * COLUMN + GAP
COLORS = {"green": "#37872d", "orange": "#d9730d", "red": "#c4162a"}
LINES = (
    *("#56a64b", "#e0a800", "#3274d9", "#ff780a", "#e02f44", "#8f3bb8", "#00a3a3"),
    *("#7c5c3e", "#c15c9b", "#6b7785", "#19730e", "#1250b0"),
)
LETTER, LEGEND_ROWS_MAX, TICKS = 6.3, 3, 4
STYLE = """text{font:11px system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif;fill:#52555b}
.t{font-size:13px;font-weight:600;fill:#1f2329}.h{font-size:18px;font-weight:600;fill:#1f2329}
.n{fill:#fff;font-size:12px}.v{fill:#fff;font-weight:600}.m{text-anchor:middle}.e{text-anchor:end}
path{fill:none;stroke-width:1.6;stroke-linejoin:round}.g{stroke:#e4e5e8;stroke-width:1}"""


def draw(panels: Iterable[Panel], answers: Answers) -> str:
    """The board as SVG. Raises KeyError for a panel that this drawing does not know."""
    panels = list(panels)
    height = TOP + GAP + ROW * max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in panels)
    drawn = [_panel(panel, answers) for panel in panels]
    times = [at for found in answers.values() for _, points in found for at, _ in points]
    instants = " to ".join(_clock(at, "%H:%M:%S") for at in (min(times), max(times)))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">',
            f"<style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height}" fill="#f4f5f5"/>',
            _text(12, 29, "Godwit", "h"),
            _text(WIDTH - 12, 28, f"{instants} UTC", "e"),
            *drawn,
            "</svg>\n",
        ]
    )


def _panel(panel: Panel, answers: Answers) -> str:
    """A panel at its place: its frame, its title, and what its type shows."""
    place = panel["gridPos"]
    width, height = place["w"] * COLUMN - GAP, place["h"] * ROW - GAP
    series = [
        (_legend(target["legendFormat"], labels), points)
        for target in panel["targets"]
        for labels, points in answers[panel["id"], target["refId"]]
    ]
    inside = TYPES[panel["type"]](panel, series, width, height)
    x, y = place["x"] * COLUMN + GAP, place["y"] * ROW + TOP
    frame = f'<rect width="{width}" height="{height}" rx="2" fill="#fff" stroke="#dcdde0"/>'
    return (
        f'<g transform="translate({x} {y})">{frame}{_text(9, 19, panel["title"], "t")}{inside}</g>'
    )


def _stat(panel: Panel, series: list[tuple[str, Points]], width: float, height: float) -> str:
    """A coloured tile for each series, with its last value."""
    defaults, options = panel["fieldConfig"]["defaults"], panel["options"]
    named = {"value": False, "value_and_name": True}[options["textMode"]]
    assert options["colorMode"] == "background", panel["title"]
    columns = max(1, min(len(series), int(width // 75)))
    rows = max(1, math.ceil(len(series) / columns))
    wide, high = (width - 12) / columns, (height - 34) / rows
    drawn = [] if series else [_text(width / 2, height / 2 + 10, "No data", "m")]
    for index, (name, points) in enumerate(series):
        value = points[-1][1]
        shown, color = _format(value, defaults.get("unit", "none")), _threshold(value, defaults)
        for mapping in defaults.get("mappings", ()):
            if meant := mapping["options"].get(f"{value:g}"):
                shown, color = meant["text"], meant["color"]
        x, y = 6 + index % columns * wide, 28 + index // columns * high
        box = f'x="{x:.0f}" y="{y:.0f}" width="{wide - 3:.0f}" height="{high - 3:.0f}"'
        drawn.append(f'<rect {box} rx="2" fill="{COLORS[color]}"/>')
        middle, size = x + (wide - 3) / 2, min(26, int(high * (0.4 if named else 0.6)))
        base = y + high * 0.43 if named else y + high / 2 + size / 3
        drawn.append(_text(middle, base, shown, "v m", f' style="font-size:{size}px"'))
        if named:
            below, small = min(15, high * 0.36), min(12, int(high * 0.36))
            drawn.append(_text(middle, base + below, name, "n m", f' style="font-size:{small}px"'))
    return "".join(drawn)


def _timeseries(panel: Panel, series: list[tuple[str, Points]], width: float, height: float) -> str:
    """A graph with its axes, and its legend below."""
    assert panel["options"]["legend"] == {"displayMode": "list", "placement": "bottom"}
    unit = panel["fieldConfig"]["defaults"]["unit"]
    legend, rows = _legend_list([name for name, _ in series], width)
    left, right, top = 62.0, width - 12, 32.0
    bottom = height - 24 - 15 * max(1, rows)
    values = [value for _, points in series for _, value in points if math.isfinite(value)]
    if not values:
        return _text(width / 2, height / 2, "No data", "m")
    step = _step(max(values), binary=unit == "bytes")
    highest = step * max(1, math.ceil(max(values) / step))
    times = [at for _, points in series for at, _ in points]
    first, last = min(times), max(max(times), min(times) + 1)

    def place(at: float, value: float) -> tuple[float, float]:
        return (
            left + (at - first) / (last - first) * (right - left),
            bottom - value / highest * (bottom - top),
        )

    drawn = []
    for tick in range(round(highest / step) + 1):
        _, y = place(first, tick * step)
        drawn.append(f'<path class="g" d="M{left:.0f} {y:.1f}H{right:.0f}"/>')
        drawn.append(_text(left - 6, y + 4, _format(tick * step, unit), "e"))
    for minute in range(math.ceil(first / 60), int(last // 60) + 1):
        x, _ = place(minute * 60, 0)
        drawn.append(f'<path class="g" d="M{x:.1f} {top:.0f}V{bottom:.0f}"/>')
        drawn.append(_text(x, bottom + 15, _clock(minute * 60, "%H:%M"), "m"))
    for index, (_, points) in enumerate(series):
        lines = _lines(points, place)
        drawn.append(f'<path stroke="{LINES[index % len(LINES)]}" d="{lines}"/>')
    return "".join(drawn) + f'<g transform="translate(0 {bottom + 33:.0f})">{legend}</g>'


TYPES: dict[str, Callable[[Panel, list[tuple[str, Points]], float, float], str]] = {
    "stat": _stat,
    "timeseries": _timeseries,
}


def _lines(points: Points, place: Callable[[float, float], tuple[float, float]]) -> str:
    """A path through the points, with gaps where values or steps are missing."""
    path, before = "", None
    steps = [after[0] - point[0] for point, after in zip(points, points[1:], strict=False)]
    for at, value in points:
        if not math.isfinite(value):
            before = None
            continue
        x, y = place(at, value)
        goes_on = before is not None and at - before <= 1.5 * min(steps)
        path += f"{'L' if goes_on else 'M'}{x:.1f} {y:.1f}"
        path += "" if goes_on else "h.1"
        before = at
    return path


def _legend_list(names: list[str], width: float) -> tuple[str, int]:
    """The legend in rows, and how many; what has no room is counted."""
    drawn, x, row = [], 12.0, 0
    for index, name in enumerate(names):
        wide = 18 + len(name) * LETTER + 8
        if x + wide > width - (64 if row == LEGEND_ROWS_MAX - 1 else 8) and x > 12:
            if row == LEGEND_ROWS_MAX - 1:
                drawn.append(_text(x, row * 15, f"+ {len(names) - index} more"))
                break
            x, row = 12.0, row + 1
        color = LINES[index % len(LINES)]
        drawn.append(
            f'<path stroke="{color}" style="stroke-width:3" d="M{x:.0f} {row * 15 - 4}h13"/>'
        )
        drawn.append(_text(x + 17, row * 15, name))
        x += wide
    return "".join(drawn), row + 1


def _legend(form: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), form).strip()


def _threshold(value: float, defaults: Mapping[str, Any]) -> str:
    """The colour of the last threshold that a value reaches."""
    assert defaults["thresholds"]["mode"] == "absolute"
    reached = [
        step["color"]
        for step in defaults["thresholds"]["steps"]
        if step["value"] is None or value >= step["value"]
    ]
    return str(reached[-1])


def _step(highest: float, binary: bool) -> float:
    """The distance of lines that a person reads easily, for a scale up to a value."""
    wanted = highest / TICKS or 0.25
    base = 2.0 ** math.floor(math.log2(wanted)) if binary else 10 ** math.floor(math.log10(wanted))
    return next(base * factor for factor in (1, 2, 2.5, 5, 10) if base * factor >= wanted * 0.999)


def _duration(value: float) -> str:
    for limit, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= limit:
            return f"{value / limit:.3g} {unit}" if value < 120 else f"{value / 60:.3g} min"
    return "0 s"


def _short(value: float) -> str:
    return f"{value / 1000:.3g}K" if value >= 1000 else f"{value:.3g}"


UNITS: dict[str, Callable[[float], str]] = {
    "none": lambda value: f"{value:g}",
    "short": _short,
    "s": _duration,
    "cps": lambda value: f"{_short(value)} c/s",
    "reqps": lambda value: f"{_short(value)} req/s",
    "bytes": lambda value: f"{value / 2**20:.4g} MiB",
}


def _format(value: float, unit: str) -> str:
    return UNITS[unit](value)


def _clock(at: float, form: str) -> str:
    return time.strftime(form, time.gmtime(at))


def _text(x: float, y: float, text: str, kind: str = "", more: str = "") -> str:
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{kind}{more}>{escape(text)}</text>'
