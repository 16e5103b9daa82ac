"""The answer in words."""

from __future__ import annotations

from strata.grid.cells import Cell
from strata.measures.scores import Score, Scored
from strata.report.wording import answers, caution, grid_said, number, task_title
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
        "Not clearly above chance; not told apart from early, stem (their intervals reach this value)."
    )
    assert caution(found()) == ""


def test_every_question_has_one_line() -> None:
    lines = answers(compare_layers(RESULTS), Grid([], [], []), "max")
    assert [line.highest for line in lines] == ["late", "embedding", "late", "late", ""]
    assert lines[1].question == "Finding pictures of the same motif"
    assert lines[3].number == "accuracy 0.800, naming always the largest class 0.200"
    assert lines[4].number == "top-1 0.750, chance 0.100"


def test_without_an_interval_nothing_is_said_to_be_ahead() -> None:
    first = answers(compare_layers(RESULTS), Grid([], [], []), "max")[0]
    assert first.notes == ["No interval, so nothing says how far it is ahead of the others."]


def test_tasks_are_titled_for_people() -> None:
    assert task_title("class", ["motif"]) == "Pictures of the same motif"
    assert task_title("class", []) == "Whole pictures"
    assert task_title("my_own", ["motif"]) == "My own: the collection’s own queries"


def test_the_grid_names_its_best_cell_and_those_not_told_apart() -> None:
    numbers: dict[str, float | None] = dict.fromkeys(NUMBERS)
    numbers |= {"naive": 0.606, "cross_fitted": 0.6, "p_best": 0.94, "n_cells": 84, "n_groups": 10}
    numbers |= {"smallest_p": 0.002}
    best = Cell("late", "gem", "raw", "global")
    answer = GridAnswer("class", "map", best, numbers, ["middle x gem", "late x avg"], None)
    assert grid_said(answer) == (
        "Of 84 cells of the grid: late x gem, mAP 0.606 (0.600 when chosen on some groups and judged on the "
        "others; highest in 94 % of bootstrap samples); not told apart: middle x gem; late x avg. "
        "With 10 groups the smallest possible p is 0.002."
    )
    few = GridAnswer("class", "map", best, {**numbers, "n_groups": 3, "smallest_p": 0.25}, [], None)
    assert grid_said(few).endswith("3 groups can tell nothing apart: the smallest possible p is 0.250.")
    line = answers(compare_layers(RESULTS), Grid([], [answer], []), "max")[1]
    assert (line.highest, line.number) == ("late x gem", "mAP 0.606")
    assert line.notes[:2] == [
        "Not told apart from it, of 84 combinations: middle x gem; late x avg.",
        "Chosen on some groups and judged on the others: 0.600.",
    ]
    assert line.notes[2] == "This run (max): embedding 0.900."
