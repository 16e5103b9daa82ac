"""The answer in words."""

from __future__ import annotations

from strata.grid.cells import Cell
from strata.measures.scores import Score, Scored
from strata.report.wording import answers, caution, grid_said, number, task_title, tiles
from strata.results.comparison import Measure, Results, compare_layers
from strata.results.grid import NUMBERS, Grid, GridAnswer

RESULTS = Results(
    retrieval=Scored(
        [
            Score("map", 0.5, layer="late", task="detail"),
            Score("map", 0.7, layer="late", task="class"),
            Score("map", 0.4, layer="embedding", task="detail"),
            Score("map", 0.9, layer="embedding", task="class"),
        ]
    ),
    clusters=Scored([Score("ami", 0.3, chance=0.0, layer="late", facet="motif")]),
    probe=Scored([Score("accuracy", 0.8, chance=0.2, layer="late", facet="motif")]),
    zeroshot=Scored([Score("top1", 0.75, chance=0.1, layer="motif_synonyms")]),
    facets=["motif"],
)


def found(*others: Score, low: float = 0.35, value: float = 0.41) -> Measure:
    best = Score("map", value, low, 0.7, 0.062, layer="late", task="detail")
    return Measure("find", "detail", "mAP", [*others, best])


def test_a_number_comes_with_its_interval_and_chance() -> None:
    assert number(found(value=0.4124)) == "mAP 0.412 [0.350, 0.700], chance 0.062"


def test_a_close_race_and_a_value_like_chance_are_said() -> None:
    rivals = (Score("map", 0.4, 0.3, 0.5, layer=name, task="detail") for name in ("early", "stem"))
    assert caution(found(*rivals, low=0.05)) == (
        "Not clearly above chance; not clearly ahead of early, stem (their intervals reach this value)."
    )
    assert caution(found()) == ""


def test_every_question_has_one_line() -> None:
    lines = answers(compare_layers(RESULTS), Grid([], [], []))
    assert [line.layer for line in lines] == ["late", "embedding", "late", "late"]
    assert lines[1].question == "Best layer for finding pictures of the same motif"
    assert lines[3].number == "accuracy 0.800, naming always the largest class 0.200"


def test_the_tiles_are_the_headline() -> None:
    shown = {tile.name: tile.value for tile in tiles(compare_layers(RESULTS), 318, 2)}
    assert shown == {
        "Finding, detail, mAP": "0.500",
        "The embedding, same task": "0.400",
        "Grouping by motif, AMI": "0.300",
        "Naming the motif, accuracy": "0.800",
        "Zero-shot top-1, motif synonyms": "0.750",
        "Pictures used": "318",
    }


def test_without_results_only_the_pictures_are_counted() -> None:
    shown = tiles(compare_layers(Results(Scored(), Scored(), Scored(), Scored(), [])), 3, 0)
    assert [(tile.value, tile.note) for tile in shown] == [("3", "none left out")]


def test_tasks_are_titled_for_people() -> None:
    assert task_title("class", ["motif"]) == "Pictures of the same motif"
    assert task_title("class", []) == "Pictures of the same class"
    assert task_title("my_own", ["motif"]) == "My own: the collection’s own queries"


def test_the_grid_names_its_best_cell_and_those_not_told_apart() -> None:
    numbers: dict[str, float | None] = dict.fromkeys(NUMBERS)
    numbers |= {"naive": 0.606, "cross_fitted": 0.6, "p_best": 0.94, "n_cells": 84, "n_groups": 10}
    numbers |= {"smallest_p": 0.002}
    best = Cell("late", "gem", "raw", "global")
    answer = GridAnswer("class", "map", best, numbers, ["middle x gem", "late x avg"], None)
    assert grid_said(answer) == (
        "Of 84 cells of the grid: late x gem, mAP 0.606 (0.600 when chosen on some groups and judged on the "
        "others; best in 94 % of bootstrap samples); not told apart: middle x gem; late x avg. "
        "With 10 groups the smallest possible p is 0.002."
    )
    few = GridAnswer("class", "map", best, {**numbers, "n_groups": 3, "smallest_p": 0.25}, [], None)
    assert grid_said(few).endswith("3 groups can tell nothing apart: the smallest possible p is 0.250.")
    lines = answers(compare_layers(RESULTS), Grid([], [answer], []))
    assert [bool(line.grid) for line in lines] == [False, True, False, False]
