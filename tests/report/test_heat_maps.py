"""The grid as squares: places, colours, marks and the command of a cell."""

from __future__ import annotations

from strata.grid.cells import Cell
from strata.report.confusion import ramp
from strata.report.heat_maps import grid_questions, run_line, runs
from strata.results.grid import NUMBERS, Grid, GridAnswer, GridNumber

PARAMS = {
    "retrieve.postprocess": "none",
    "pooling": "max",
    "pool.center": "no",
    "pool.whiten": "none",
    "retrieve.match": "region",
}


def number(layer: str, pooling: str | None, value: float, p_apart: float, **where: str) -> GridNumber:
    cell = Cell(layer, pooling, "raw", where.get("match", "global"))  # type: ignore[arg-type]
    return GridNumber(cell, "own", "map", value, value - 0.1, value + 0.1, 0.15, None, 0.1, p_apart)


NUMBERS_SHOWN = [
    number("late", "max", 0.2, 0.01),
    number("late", "gem", 0.6, 1.0),
    number("late", None, 0.5, 0.2, match="region"),
    number("embedding", None, 0.4, 0.03),
]
BEST = NUMBERS_SHOWN[1].cell
ANSWER = GridAnswer(
    "own", "map", BEST, {**dict.fromkeys(NUMBERS), "naive": 0.6, "chance": 0.15, "n_cells": 4}, [], None
)
(QUESTION,) = grid_questions(
    Grid(NUMBERS_SHOWN, [ANSWER], []), ["stem", "late", "embedding"], ["motif"], PARAMS
)


def test_layers_go_down_and_poolings_across_and_a_layer_of_vectors_spans_them() -> None:
    (heat,) = QUESTION.maps
    assert heat.columns == ["max", "gem", "by region"]
    assert [layer for layer, _ in heat.rows] == ["late", "embedding"]
    late, embedding = (cells for _, cells in heat.rows)
    assert [cell and cell.text for cell in late] == ["0.200", "0.600", "0.500"]
    assert [cell and cell.span for cell in embedding] == [2, None]


def test_the_best_is_framed_rivals_are_hatched_and_guesses_are_dotted() -> None:
    late, embedding = (cells for _, cells in QUESTION.maps[0].rows)
    assert [cell and cell.marks for cell in late] == ["by-chance", "dark strong", "dark beside"]
    assert embedding[0] is not None
    assert embedding[0].marks == ""


def test_colours_run_from_chance_to_the_best() -> None:
    late, _ = (cells for _, cells in QUESTION.maps[0].rows)
    assert (QUESTION.low, QUESTION.high, QUESTION.chance) == ("0.150", "0.600", "0.150")
    assert late[1] is not None
    assert late[1].colour == ramp(1.0)


def test_a_cell_says_everything_where_the_pointer_rests() -> None:
    late, _ = (cells for _, cells in QUESTION.maps[0].rows)
    assert late[2] is not None
    assert late[2].title == (
        "late by region: 0.500, 95 % interval 0.400 to 0.600, chance 0.150, "
        "p that it is as good as the best 0.200. this run"
    )


def test_a_command_sets_what_this_run_has_not_and_nothing_else() -> None:
    whitened = Cell("late", "gem", "whitened", "global")
    line = "dvc exp run -S pooling=gem -S pool.whiten=self -S retrieve.match=global"
    assert run_line(whitened, PARAMS) == line
    centred = Cell("late", "max", "centred", "global")
    assert run_line(centred, {**PARAMS, "pool.center": "yes"}) == "dvc exp run -S retrieve.match=global"
    assert run_line(centred, PARAMS, matched=False) == "dvc exp run -S pool.center=true"
    assert run_line(Cell("embedding", None, "raw", "global"), PARAMS) == "this run"


def test_a_run_has_all_layers_and_is_listed_once() -> None:
    assert runs(Grid(NUMBERS_SHOWN, [ANSWER], []), PARAMS) == [
        ("every layer x max", "dvc exp run -S retrieve.match=global"),
        ("every layer x gem", "dvc exp run -S pooling=gem -S retrieve.match=global"),
        ("every layer by region", "this run"),
    ]
