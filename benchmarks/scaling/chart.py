"""The chart of docs/scale.svg: a small log-log panel a stage, seconds above, memory below."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from benchmarks.scaling.table import Grown, exponent_said, rows_said

ACROSS = 7
PLOT_WIDTH, PLOT_HEIGHT = 112.0, 92.0
GAP_X, GAP_Y = 14.0, 40.0
LEFT, TOP, RIGHT = 70.0, 70.0, 16.0
BLOCK_GAP = 60.0
INK, SOFT, GRID, TIME, MEMORY, OWN = "#1c2430", "#5b6675", "#e6e9ed", "#0b5394", "#c8500a", "#e9b48f"
STYLE = f"""
text {{ font-family: system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }}
text {{ fill: {SOFT}; font-size: 10px; }}
.title {{ fill: {INK}; font-size: 15px; font-weight: 600; }}
.name {{ fill: {INK}; font-size: 11px; font-weight: 600; }}
.grid {{ stroke: {GRID}; }} .linear {{ stroke: #b4bcc6; stroke-dasharray: 3 3; fill: none; }}
.line {{ fill: none; stroke-width: 1.8; stroke-linejoin: round; }}
"""

Point = tuple[float, float]
Series = tuple[str, dict[int, float]]
"""Colour, and rows -> value."""


class Axis:
    """A logarithmic axis from ``low`` to ``high`` (powers of ten) onto ``start`` to ``end``."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low = math.floor(math.log10(min(values)) + 1e-9)
        self.high = max(math.ceil(math.log10(max(values)) - 1e-9), self.low + 1)
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self._start + share * (self._end - self._start), 1)

    def ticks(self) -> list[float]:
        """The powers of ten."""
        return [10.0**power for power in range(self.low, self.high + 1)]


def draw(grown: Sequence[Grown]) -> str:
    """An SVG of all stages."""
    down = -(-len(grown) // ACROSS)
    block = down * (PLOT_HEIGHT + GAP_Y)
    width = LEFT + ACROSS * (PLOT_WIDTH + GAP_X) - GAP_X + RIGHT
    height = TOP + 2 * block + BLOCK_GAP
    times = _block(
        grown,
        TOP,
        "Seconds of every stage",
        "by rows, both axes logarithmic; dashed: in proportion to the rows; number: exponent of the growth",
        lambda one: [(TIME, one.seconds)],
        lambda one: exponent_said(one.exponent),
        lambda value: f"{value:g} s",
    )
    memory = _block(
        grown,
        TOP + block + BLOCK_GAP,
        "Peak memory of every stage",
        "by rows; dark: all of it; light: without the pages of mapped files, which the system may drop",
        lambda one: [(OWN, one.own_mib), (MEMORY, one.peak_mib)],
        lambda one: "",
        lambda value: f"{value:,.0f} MiB",
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">',
        "<title>Time and memory of every stage as the rows grow</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>',
        *times,
        *memory,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _block(
    grown: Sequence[Grown],
    top: float,
    title: str,
    note: str,
    series: Callable[[Grown], list[Series]],
    figure: Callable[[Grown], str],
    unit: Callable[[float], str],
) -> list[str]:
    values = [value for one in grown for _, line in series(one) for value in line.values()]
    rows = [count for one in grown for count in one.runs]
    x, y = Axis(rows, 0, PLOT_WIDTH), Axis(values, PLOT_HEIGHT, 0)
    parts = [
        _text(LEFT, top - 44, title, "title"),
        _text(LEFT, top - 28, note),
    ]
    for place, one in enumerate(grown):
        row, column = divmod(place, ACROSS)
        left, upper = LEFT + column * (PLOT_WIDTH + GAP_X), top + row * (PLOT_HEIGHT + GAP_Y)
        last_in_column = place + ACROSS >= len(grown)
        parts.append(f'<g transform="translate({left:g} {upper:g})">')
        parts += _grid(x, y, unit if column == 0 else None, last_in_column)
        parts.append(_text(0, -7, one.name, "name"))
        parts.append(_text(PLOT_WIDTH - 4, PLOT_HEIGHT - 5, figure(one), anchor="end"))
        parts += _lines(series(one), x, y)
        parts.append("</g>")
    return parts


def _grid(x: Axis, y: Axis, unit: Callable[[float], str] | None, with_rows: bool) -> list[str]:
    parts = []
    for tick in y.ticks():
        parts.append(f'<line class="grid" x1="0" x2="{PLOT_WIDTH:g}" y1="{y(tick):g}" y2="{y(tick):g}"/>')
        if unit:
            parts.append(_text(-6, y(tick) + 3, unit(tick), anchor="end"))
    parts += [
        f'<line class="grid" y1="0" y2="{PLOT_HEIGHT:g}" x1="{x(tick):g}" x2="{x(tick):g}"/>'
        for tick in x.ticks()
    ]
    if with_rows:
        ends = ((x.ticks()[0], "start"), (x.ticks()[-1], "end"))
        parts += [
            _text(x(tick), PLOT_HEIGHT + 14, rows_said(int(tick)), anchor=anchor) for tick, anchor in ends
        ]
    return parts


def _lines(series: list[Series], x: Axis, y: Axis) -> list[str]:
    parts = []
    main = series[-1][1]
    last = max(main)
    if len(series) == 1:  # a guide through the last point, as long as it stays inside
        low = max(10.0**x.low, last * 10.0**y.low / main[last])
        ends = ((low, main[last] * low / last), (last, main[last]))
        parts.append(f'<polyline class="linear" points="{_points(ends, x, y)}"/>')
    for colour, values in series:
        points = sorted(values.items())
        parts.append(f'<polyline class="line" stroke="{colour}" points="{_points(points, x, y)}"/>')
        parts += [
            f'<circle cx="{x(rows):g}" cy="{y(value):g}" r="2.4" fill="{colour}"/>' for rows, value in points
        ]
    return parts


def _points(points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> str:
    return " ".join(f"{x(rows):g},{y(value):g}" for rows, value in points)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'
