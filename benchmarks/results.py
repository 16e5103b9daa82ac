"""What was measured, kept as JSON a benchmark and shown as one page, ``RESULTS.md``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.pairing import ROUNDS, Paired
from benchmarks.settings import device
from strata.base.machine import processor, versions_of
from strata.base.threads import cores

HERE = Path(__file__).parent
PACKAGES = (
    "torch", "open_clip_torch", "numpy", "scipy", "scikit-learn", "pyarrow", "simplejpeg", "pillow",
    "faiss-cpu",
)  # fmt: skip
HEAD = """# Results

Written by `make bench` from `results/*.json`; how it is measured, and what was tried, is in
[README.md](README.md). A ratio is how many times as fast clip-strata is as the other, the median of the
rounds of one run that alternates the two, with the least and the largest behind it, and the number of rounds
where it is not five.
"""


@dataclass(frozen=True)
class Row:
    """One line of a table. ``ours`` and ``theirs`` in ``unit``; None where it was not measured (``note`` says
    why). ``target``: the least ratio that is asked for; ``rounds``: how many ``ratio`` is the median of,
    None in results kept before that was written down."""

    case: str
    peer: str
    ours: float | None
    theirs: float | None
    unit: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    target: float | None = None
    note: str = ""
    rounds: int | None = None


@dataclass(frozen=True)
class Result:
    """One benchmark's rows and sentences about them (Markdown)."""

    title: str
    rows: tuple[Row, ...]
    remarks: tuple[str, ...] = field(default_factory=tuple)


def rate_row(case: str, peer: str, pair: Paired, count: int, unit: str, target: float | None = None) -> Row:
    """A row in things a second (``unit``, for example pictures/s), when a round did ``count`` of them."""
    rates = count / pair.ours_s, count / pair.theirs_s
    return Row(case, peer, *rates, unit, pair.ratio, pair.low, pair.high, target, rounds=pair.rounds)


def time_row(case: str, peer: str, pair: Paired, target: float | None = None) -> Row:
    """A row in seconds."""
    times = pair.ours_s, pair.theirs_s
    return Row(case, peer, *times, "s", pair.ratio, pair.low, pair.high, target, rounds=pair.rounds)


def save(name: str, result: Result, folder: Path = HERE / "results") -> None:
    """Keep a result with the machine, the versions and the day it was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    day = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    content = {"date": day, "machine": machine(), "versions": versions_of(PACKAGES), **asdict(result)}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    """Processor, cores and memory, in words; our side's device where that is not the processor."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    where = "" if device() == "cpu" else f", clip-strata on {device()}"
    return f"{processor()}, {cores()} cores, {memory:.0f} GiB, Python {platform.python_version()}{where}"


def render(order: Sequence[str], folder: Path = HERE / "results", page: Path = HERE / "RESULTS.md") -> None:
    """Write the page from what is kept, in ``order``."""
    parts = [HEAD]
    for name in order:
        kept = folder / f"{name}.json"
        if kept.is_file():
            parts.append(_section(json.loads(kept.read_text(encoding="utf-8"))))
    page.write_text("\n".join(parts), encoding="utf-8")


def _section(content: dict[str, Any]) -> str:
    rows = [Row(**row) for row in content["rows"]]
    lines = [f"## {content['title']}", ""]
    if rows:
        lines += [
            "| case | against | clip-strata | other | times as fast | asked |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_line(row) for row in rows]
        lines.append("")
    lines += [f"{remark}\n" for remark in content["remarks"]]
    packages = ", ".join(f"{name} {found}" for name, found in content["versions"].items())
    lines.append(f"{content['date']}; {content['machine']}; {packages}.\n")
    return "\n".join(lines)


def _line(row: Row) -> str:
    ours, theirs = (
        "-" if value is None else f"{_figure(value)} {row.unit}" for value in (row.ours, row.theirs)
    )
    ratio = row.note or "-"
    if row.ratio is not None and row.low is not None and row.high is not None:
        ratio = f"**{_figure(row.ratio)}** ({_spread(row.low, row.high, row.rounds)})"
        ratio += f" {row.note}" if row.note else ""
    target = "" if row.target is None else f"{row.target:g}"
    return f"| {row.case} | {row.peer} | {ours} | {theirs} | {ratio} | {target} |"


def _spread(low: float, high: float, rounds: int | None) -> str:
    """The extremes, and how many rounds there were where it is not as many as usual."""
    if rounds == 1:
        return "one round"
    few = "" if rounds in (None, ROUNDS) else f"; {rounds} rounds"
    return f"{_figure(low)} to {_figure(high)}{few}"


def _figure(value: float) -> str:
    """Three significant figures, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.1g}"
