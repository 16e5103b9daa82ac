"""The metric tables."""

from __future__ import annotations

import pytest
from strata.report.comparison import tables
from strata.results.summary import Metrics

from strata.report.metric_tables import Cell, heading, metric_table, of_facet, of_task, printed
from strata.results.headline import Results

METRICS: Metrics = {
    "stem": {
        "map": 0.2,
        "map_low": 0.1,
        "map_high": 0.3,
        "map_chance": 0.05,
        "n_queries": 24,
        "ap": "step",
    },
    "late": {"map": 0.4, "map_chance": 0.05, "n_queries": 24, "ece": 0.1},
}


def test_interval_and_chance_stand_below_their_number() -> None:
    table = metric_table("t", METRICS)
    assert table.columns == [("mAP", "map"), ("calibration error", "ece")]
    (_, stem), (_, late) = table.rows
    assert stem[0] == Cell("0.200", ("0.100 – 0.300", "chance 0.050"), best=False, share=0.2)
    assert late[0] == Cell("0.400", ("chance 0.050",), best=True, share=0.4)
    assert stem[1].text == "–"


def test_counts_that_never_differ_become_a_note() -> None:
    assert metric_table("t", METRICS).note == "queries 24"


def test_neither_a_lone_value_nor_a_reference_is_best() -> None:
    metrics: Metrics = {"a": {"accuracy": 0.5, "majority": 0.2}, "b": {"accuracy": 0.5, "majority": 0.4}}
    table = metric_table("t", metrics)
    assert not any(cell.best for _, cells in table.rows for cell in cells)


def test_rows_that_answer_different_questions_are_not_ranked() -> None:
    table = metric_table("t", {"a": {"top1": 0.1}, "b": {"top1": 0.3}}, key="prompt set", rank=False)
    assert not any(cell.best for _, cells in table.rows for cell in cells)


def test_what_is_seldom_read_is_left_to_the_full_list() -> None:
    metrics: Metrics = {"a": {"map": 0.1, "p_at_5": 0.1, "p_at_5_chance": 0.2}}
    assert metric_table("t", metrics).columns == [("mAP", "map")]


def test_a_count_of_nothing_is_a_plain_zero() -> None:
    metrics: Metrics = {
        "a": {"map": 0.1, "left_out": 0, "largest": 1},
        "b": {"left_out": 0, "largest": 9},
    }
    table = metric_table("t", metrics)
    assert table.note == "left out 0"
    assert [cells[1].text for _, cells in table.rows] == ["1", "9"]


def test_nothing_is_best_where_more_is_not_better() -> None:
    metrics: Metrics = {
        "a": {"silhouette": 0.1, "train_accuracy": 1.0, "ami": 0.2},
        "b": {"silhouette": 0.3, "train_accuracy": 0.9, "ami": 0.1},
    }
    (_, a), (_, b) = metric_table("t", metrics).rows
    assert [cell.best for cell in a] == [False, False, True]
    assert not any(cell.best for cell in b)


def test_a_number_of_one_is_no_count() -> None:
    table = metric_table("t", {"a": {"p_at_1": 1.0}, "b": {"p_at_1": 1.0}})
    assert (table.columns, table.note) == ([("P@1", "p_at_1")], "")


def test_a_parameter_is_no_metric_of_a_facet_or_task_that_is_called_alike() -> None:
    retrieval: Metrics = {"stem": {"pool_map": 0.1, "pool_levels": 3}}
    clusters: Metrics = {"stem": {"ami": 0.1, "ami_levels": 0.2, "pool_levels": 3}}
    found = tables(Results(retrieval, clusters, {}, {}, ["motif", "levels"]), {"pool_levels"})
    assert [(table.columns, table.note) for table in found] == [
        ([("mAP", "map")], ""),
        ([("AMI", "ami")], ""),
        ([("AMI", "ami")], ""),
    ]


def test_a_task_owns_the_metrics_that_begin_with_its_name() -> None:
    metrics: Metrics = {"stem": {"detail_map": 0.1, "class_map": 0.2}}
    assert of_task(metrics, "detail", ["detail", "class"]) == {"stem": {"map": 0.1}}


def test_a_task_called_like_the_beginning_of_another_has_its_own_metrics() -> None:
    metrics: Metrics = {"stem": {"own_map": 0.1, "own_hard_map": 0.2}}
    assert of_task(metrics, "own", ["own", "own_hard"]) == {"stem": {"map": 0.1}}
    assert of_task(metrics, "own_hard", ["own", "own_hard"]) == {"stem": {"map": 0.2}}


def test_a_facet_owns_the_metrics_that_end_with_its_name() -> None:
    clusters: Metrics = {"stem": {"ami": 0.1, "k": 4, "ami_mood": 0.2}}
    assert of_facet(clusters, "motif", ["motif", "mood"]) == {"stem": {"ami": 0.1, "k": 4}}
    assert of_facet(clusters, "mood", ["motif", "mood"]) == {"stem": {"ami": 0.2}}


def test_a_facet_called_like_the_end_of_another_has_its_own_metrics() -> None:
    facets = ["label", "genre", "sub_genre"]
    clusters: Metrics = {"stem": {"ami": 0.5, "ami_genre": 0.4, "ami_sub_genre": 0.3}}
    assert [of_facet(clusters, facet, facets)["stem"] for facet in facets] == [
        {"ami": 0.5},
        {"ami": 0.4},
        {"ami": 0.3},
    ]


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
    ("value", "shown"),
    [(0.5, "0.500"), (1.0, "1.000"), (1, "1"), (24, "24"), (24.0, "24"), ("a", "a"), (None, "–")],
)
def test_numbers_are_printed_as_numbers_of_their_kind(value: float | str | None, shown: str) -> None:
    assert printed(value) == shown
