"""The table: ours beside the study's figures, with intervals, chance and what is missing."""

from __future__ import annotations

from typing import Any

from experiments.cells import Cell, Place
from experiments.table import study_table
from strata.measures.scores import Score

CELL = {
    "name": "Ib",
    "title": "dense",
    "data": ["brueghel"],
    "both": {},
    "as_run": {},
    "as_it_should_be": {},
    "show": ["zeroshot.name.top1"],
    "difference": "By eye.",
}


def named(top1: float = 0.3) -> dict[str, list[Score]]:
    return {
        "zeroshot": [
            Score("top1", top1, 0.25, 0.35, 0.125, layer="name"),
            Score("majority", 0.206, layer="name"),
            Score("top5", 0.8, layer="name"),
        ]
    }


def place(**show: float | None) -> Place:
    names = {name.replace("__", "."): figure for name, figure in show.items()}
    return Place(Cell.model_validate(CELL), "brueghel", names, {"as_run": "a", "as_it_should_be": "b"})


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def table(where: Place, results: dict[str, Any], failures: dict[str, str] | None = None) -> str:
    return study_table([where], results, failures or {}, demo=False)


def test_ours_stand_beside_the_studys_figure() -> None:
    found = {"a": named(), "b": named(0.31)}
    assert rows(table(place(zeroshot__name__top1=0.325), found)) == [
        [
            "Ib",
            "brueghel",
            "name",
            "zeroshot top1",
            "0.325",
            "0.300 [0.250, 0.350]",
            "0.310 [0.250, 0.350]",
            "0.125, 0.206",
        ]
    ]


def test_a_pattern_gives_a_row_for_every_task_and_layers_may_have_dots() -> None:
    scores = [
        Score("map", 0.2, chance=0.1, layer="resblocks.5", task="class"),
        Score("map", 0.05, layer="resblocks.5", task="detail"),
        Score("map", 0.9, layer="resblocks.5", task="detail", space="pca"),
    ]
    results = {"a": {"retrieval": scores}, "b": {"retrieval": scores}}
    where = Place(place().cell, "x", {"retrieval.*.*_map": None}, place().runs)
    found = rows(table(where, results))
    assert [(row[2], row[3], row[5], row[7]) for row in found] == [
        ("resblocks.5", "retrieval class_map", "0.200", "0.100"),
        ("resblocks.5", "retrieval detail_map", "0.050", "-"),
    ]


def test_a_probe_is_compared_with_the_largest_class_once() -> None:
    scores = [Score("accuracy", 0.4, chance=0.2, layer="late"), Score("majority", 0.2, layer="late")]
    where = Place(place().cell, "x", {"probe.late.accuracy": None}, place().runs)
    assert rows(table(where, {"a": {"probe": scores}}))[0][5:] == ["0.400", "not run", "0.200"]


def test_a_run_that_failed_is_listed_with_its_reason() -> None:
    text = table(
        place(zeroshot__name__top1=0.325),
        {"b": named()},
        {"a": "download: no network"},
    )
    assert rows(text)[0][5:7] == ["not run", "0.300 [0.250, 0.350]"]
    assert "- `a`: download: no network" in text


def test_a_cell_without_any_run_still_has_its_row() -> None:
    assert rows(table(place(zeroshot__name__top1=0.325), {}))[0][4:] == ["0.325", "not run", "not run", "-"]
    assert rows(table(place(zeroshot__name__top1=None), {}))[0][2:] == [
        "-",
        "-",
        "-",
        "not run",
        "not run",
        "-",
    ]


def test_differences_and_runs_are_named() -> None:
    text = table(place(zeroshot__name__top1=0.325), {})
    assert "By eye." in text
    assert "Runs: `a`, `b`." in text


def test_the_demo_says_that_the_figures_are_of_other_data() -> None:
    where = place(zeroshot__name__top1=0.325)
    assert "other pictures" in study_table([where], {}, {}, demo=True)
    assert "other pictures" not in study_table([where], {}, {}, demo=False)
