"""What the grid left, read back: metrics, rows, names."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from strata.results.grid import GRID_COLUMNS, Grid, grid_metrics, grid_rows, named_rivals, read_grid

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_results.py"))


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    folder = tmp_path_factory.mktemp("made")
    MADE["make_results"](folder)
    return read_grid(folder / "data/grid")


def test_metrics_hold_one_entry_a_question_and_stay_small(grid: Grid) -> None:
    metrics = grid_metrics(grid)
    assert list(metrics) == ["detail_map", "class_map", "class_ami"]
    assert len(json.dumps(metrics)) < 4000
    assert metrics["class_map"]["best_cell"] == "embedding"
    assert metrics["class_map"]["best_pooling"] == "none"
    assert "cross_fitted" not in metrics["class_ami"]
    assert all(isinstance(value, (int, float, str)) for own in metrics.values() for value in own.values())


def test_the_whole_grid_is_one_row_a_number(grid: Grid) -> None:
    rows = list(grid_rows(grid))
    assert len(rows) == len(grid.numbers) == 13 + 10 + 10
    assert all(tuple(row) == GRID_COLUMNS for row in rows)


def test_many_rivals_are_counted_after_the_first_eight() -> None:
    assert named_rivals([]) == "none"
    assert named_rivals(["late x gem", "late x avg"]) == "late x gem; late x avg"
    assert named_rivals([str(i) for i in range(10)]) == "0; 1; 2; 3; 4; 5; 6; 7; and 2 more"
