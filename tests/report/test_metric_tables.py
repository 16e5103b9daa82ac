"""The metric tables."""

from __future__ import annotations

import pytest

from strata.report.tables import Cell, heading, metric_table, of_facet, of_task, worded
from strata.summary import Metrics

METRICS: Metrics = {
    "stem": {
        "map": 0.2,
        "map_low": 0.1,
        "map_high": 0.3,
        "map_chance": 0.05,
        "n_queries": 24,
        "ap": "step",
        "pool": 3,
    },
    "late": {"map": 0.4, "map_chance": 0.05, "n_queries": 24, "pool": 3, "ece": 0.1},
}


def test_interval_and_chance_stand_below_their_number() -> None:
    table = metric_table("t", METRICS, {"pool"})
    assert table.columns == [("mAP", "map"), ("calibration error", "ece")]
    (_, stem), (_, late) = table.rows
    assert stem[0] == Cell("0.200", ("0.100 – 0.300", "chance 0.050"), best=False, share=0.2)
    assert late[0] == Cell("0.400", ("chance 0.050",), best=True, share=0.4)
    assert stem[1].text == "–"


def test_counts_that_never_differ_become_a_note() -> None:
    assert metric_table("t", METRICS, {"pool"}).note == "queries 24"


def test_neither_a_lone_value_nor_a_reference_is_best() -> None:
    metrics: Metrics = {"a": {"accuracy": 0.5, "majority": 0.2}, "b": {"accuracy": 0.5, "majority": 0.4}}
    table = metric_table("t", metrics, ())
    assert not any(cell.best for _, cells in table.rows for cell in cells)


def test_rows_that_answer_different_questions_are_not_ranked() -> None:
    table = metric_table("t", {"a": {"top1": 0.1}, "b": {"top1": 0.3}}, (), key="prompt set", rank=False)
    assert not any(cell.best for _, cells in table.rows for cell in cells)


def test_what_is_seldom_read_is_left_to_the_full_list() -> None:
    metrics: Metrics = {"a": {"map": 0.1, "p_at_5": 0.1, "p_at_5_chance": 0.2}}
    assert metric_table("t", metrics, ()).columns == [("mAP", "map")]


def test_a_count_of_nothing_is_a_plain_zero() -> None:
    metrics: Metrics = {
        "a": {"map": 0.1, "left_out": 0.0, "largest": 1.0},
        "b": {"left_out": 0.0, "largest": 9},
    }
    table = metric_table("t", metrics, ())
    assert table.note == "left out 0"
    assert [cells[1].text for _, cells in table.rows] == ["1", "9"]


def test_a_low_calibration_error_is_best() -> None:
    table = metric_table("t", {"a": {"ece": 0.1}, "b": {"ece": 0.3}}, ())
    assert [cells[0].best for _, cells in table.rows] == [True, False]


def test_a_task_owns_the_metrics_that_begin_with_its_name() -> None:
    assert of_task({"stem": {"detail_map": 0.1, "class_map": 0.2}}, "detail") == {"stem": {"map": 0.1}}


def test_a_facet_owns_the_metrics_that_end_with_its_name() -> None:
    clusters: Metrics = {"stem": {"ami": 0.1, "k": 4, "ami_mood": 0.2}}
    assert of_facet(clusters, "motif", ["motif", "mood"]) == {"stem": {"ami": 0.1, "k": 4}}
    assert of_facet(clusters, "mood", ["motif", "mood"]) == {"stem": {"ami": 0.2}}


def test_without_facets_everything_is_the_main_ones() -> None:
    assert of_facet({"stem": {"k": 4}}, "", []) == {"stem": {"k": 4}}


@pytest.mark.parametrize(
    ("metric", "shown"),
    [
        ("p_at_10", "P@10"),
        ("top5", "top-5"),
        ("hit_at_5", "hit@5"),
        ("map_n_groups", "groups"),
        ("train_accuracy", "train accuracy"),
        ("balanced_accuracy", "balanced accuracy"),
        ("nmi", "NMI"),
    ],
)
def test_headings_are_what_the_field_says(metric: str, shown: str) -> None:
    assert heading(metric) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.5, "0.500"), (1.0, "1.000"), (24, "24"), (24.0, "24"), ("a", "a"), (None, "–")]
)
def test_numbers_are_printed_as_numbers_of_their_kind(value: float | str | None, shown: str) -> None:
    assert worded(value) == shown
