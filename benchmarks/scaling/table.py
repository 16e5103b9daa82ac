"""The measurements as Markdown tables, and how cost grows with the number of rows, as an exponent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.scaling.running import Run

LEAST_S = 0.3  # growth below this many seconds has no exponent
FLAT = 0.15  # growth below this share of the smallest size's value is noise


@dataclass(frozen=True)
class Grown:
    """One stage at every size: rows -> what it took."""

    name: str
    runs: dict[int, Run]

    @property
    def seconds(self) -> dict[int, float]:
        """Rows -> seconds."""
        return {rows: run.seconds for rows, run in self.runs.items()}

    @property
    def peak_mib(self) -> dict[int, float]:
        """Rows -> MiB, with the mapped pages of files."""
        return {rows: run.peak_mib for rows, run in self.runs.items()}

    @property
    def own_mib(self) -> dict[int, float]:
        """Rows -> MiB, without them."""
        return {rows: run.own_mib for rows, run in self.runs.items()}

    @property
    def exponent(self) -> float | None:
        """Of the time (the function ``exponent``)."""
        return exponent(self.seconds, LEAST_S)


def exponent(values: Mapping[int, float], least: float) -> float | None:
    """The exponent p of value = start + c * (rows - rows0)^p over the two largest sizes.

    ``values`` : rows -> seconds or MiB, at three sizes or more. What the smallest size took counts as
    start-up and is subtracted, its rows with it, so that a straight line gives exactly 1. None where the
    middle size's growth is below ``least`` or 15 % of the start-up: noise has no exponent.
    """
    if len(values) < 3:
        return None
    first, *_, middle, last = sorted(values)
    start = values[first]
    near, far = values[middle] - start, values[last] - start
    if near < max(least, FLAT * start) or far <= 0:
        return None
    return math.log(far / near) / math.log((last - first) / (middle - first))


def slope(values: Mapping[int, float]) -> float:
    """Growth a row between the two largest sizes; 0 for one size."""
    *_, middle, last = [min(values), *sorted(values)]
    return (values[last] - values[middle]) / max(last - middle, 1)


def time_table(grown: Iterable[Grown]) -> str:
    """Seconds at every size and the exponent."""
    found = list(grown)
    sizes = _sizes(found)
    lines = _head(["stage, seconds", *sizes, "exponent"])
    for one in found:
        cells = [f"{one.seconds[rows]:.1f}" if rows in one.runs else "" for rows in sizes.values()]
        lines.append(_line([one.name, *cells, exponent_said(one.exponent)]))
    return "\n".join(lines)


def memory_table(grown: Iterable[Grown]) -> str:
    """Peak MiB at every size (those of its own in brackets), and the bytes of its own a row more takes."""
    found = list(grown)
    sizes = _sizes(found)
    lines = _head(["stage, peak MiB (its own)", *sizes, "own bytes a row"])
    for one in found:
        cells = [
            f"{one.peak_mib[rows]:,.0f} ({one.own_mib[rows]:,.0f})" if rows in one.runs else ""
            for rows in sizes.values()
        ]
        lines.append(_line([one.name, *cells, f"{slope(one.own_mib) * 2**20:,.0f}"]))
    return "\n".join(lines)


def exponent_said(value: float | None) -> str:
    """Two decimals, or that only the start-up shows."""
    return "-" if value is None else f"{value:.2f}"


def rows_said(rows: int) -> str:
    """1 k, 30 k, 1 M."""
    for unit, name in ((1_000_000, " M"), (1_000, " k")):
        if rows >= unit:
            return f"{rows / unit:g}{name}"
    return str(rows)


def _sizes(grown: Sequence[Grown]) -> dict[str, int]:
    return {rows_said(rows): rows for rows in sorted({rows for one in grown for rows in one.runs})}


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), _line(["---"] + ["---:"] * (len(names) - 1))]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
