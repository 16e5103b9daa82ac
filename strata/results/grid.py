"""The grid as it was written: every cell's numbers, and for each question the best cell and its rivals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strata.base.files import read_json, read_table
from strata.grid.cells import Cell
from strata.results.comparison import DECIMALS

GRID_COLUMNS = (
    *("layer", "pooling", "treatment", "match", "task", "measure"),
    *("value", "low", "high", "chance", "p_best", "p_apart"),
)
RIVALS_NAMED = 8
NUMBERS = (
    *("naive", "naive_low", "naive_high", "chance", "cross_fitted", "cross_fitted_low", "cross_fitted_high"),
    *("p_best", "n_cells", "n_not_told_apart", "smallest_p", "n_groups", "n_queries"),
)


@dataclass(frozen=True)
class GridNumber:
    """One measure of a cell; see ``strata.grid.files``."""

    cell: Cell
    task: str
    measure: str
    value: float
    low: float | None
    high: float | None
    chance: float | None
    note: str | None
    p_best: float | None
    p_apart: float | None


@dataclass(frozen=True)
class GridAnswer:
    """What the grid says to one question. ``numbers``: those of ``NUMBERS``, None for what there is not;
    ``rivals``: names of the cells that are not told apart from the best, None where none can be told."""

    task: str
    measure: str
    best: Cell
    numbers: dict[str, float | None]
    rivals: list[str] | None
    note: str | None


@dataclass(frozen=True)
class Grid:
    """All of it; ``left_out``: what was, a line each."""

    numbers: list[GridNumber]
    answers: list[GridAnswer]
    left_out: list[str]

    def answer(self, task: str, measure: str) -> GridAnswer | None:
        """The answer to one question."""
        return next((a for a in self.answers if (a.task, a.measure) == (task, measure)), None)


def read_grid(folder: Path) -> Grid:
    """What the stage ``grid`` left, its numbers rounded as in metrics/*.json."""
    numbers = []
    for row in read_table(folder / "cells.parquet").to_pylist():
        columns = {name: _short(row[name]) for name in GridNumber.__dataclass_fields__ if name != "cell"}
        numbers.append(GridNumber(_cell(row), **columns))
    answers = [
        GridAnswer(
            row["task"],
            row["measure"],
            _cell(row),
            {name: _short(row[name]) for name in NUMBERS},
            row["not_told_apart"],
            row["note"],
        )
        for row in read_table(folder / "chosen.parquet").to_pylist()
    ]
    return Grid(numbers, answers, read_json(folder / "left_out.json"))


def grid_metrics(grid: Grid) -> dict[str, dict[str, float | str]]:
    """``metrics/grid.json``: for each question the best cell, its value as it is and cross-fitted."""
    return {f"{answer.task}_{answer.measure}": _metrics(answer) for answer in grid.answers}


def grid_rows(grid: Grid) -> Iterator[dict[str, Any]]:
    """One row a number, by GRID_COLUMNS."""
    for number in grid.numbers:
        columns = vars(number) | number.cell._asdict()
        yield {name: columns.get(name) for name in GRID_COLUMNS}


def named_rivals(rivals: Sequence[str]) -> str:
    """``late x avg, middle x gem and 3 more``; ``none``."""
    if not rivals:
        return "none"
    more = len(rivals) - RIVALS_NAMED
    named = "; ".join(rivals[:RIVALS_NAMED])
    return f"{named}; and {more} more" if more > 0 else named


def _metrics(answer: GridAnswer) -> dict[str, float | str]:
    best = answer.best
    result: dict[str, float | str | None] = {
        "best_cell": best.name,
        "best_layer": best.layer,
        "best_pooling": best.pooling or "none",
        "best_treatment": best.treatment,
        "best_match": best.match,
        **answer.numbers,
        "not_told_apart": None if answer.rivals is None else named_rivals(answer.rivals),
        "note": answer.note,
    }
    return {name: value for name, value in result.items() if value is not None}


def _cell(row: dict[str, Any]) -> Cell:
    return Cell(*(row[name] for name in Cell._fields))


def _short(value: Any) -> Any:
    return round(value, DECIMALS) if isinstance(value, float) else value
