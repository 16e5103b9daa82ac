"""Means, macro means and the line that names the best layer."""

from __future__ import annotations

import numpy as np
import pytest

from strata.measures.measure_names import MEASURES
from strata.measures.scores import Score, Scored
from strata.results.flat import flatten
from strata.retrieval.aggregate import best_layer, group_mean, task_scores
from strata.retrieval.per_query_measures import Outcome, outcome_table


def outcome(query_id: str, group: str, ap: float, positives: int = 2, ranked: int = 9) -> Outcome:
    measures = (ap,) * len(MEASURES)
    return Outcome(query_id, group, positives, min(positives, ranked), ranked, False, measures, ap)


def metrics(*outcomes: Outcome) -> dict:
    return flat("step", *outcomes)


def flat(ap: str, *outcomes: Outcome) -> dict:
    spaces = {s: outcome_table("t", s, outcomes) for s in ("full", "pca", "in_cluster")}
    return flatten(Scored(task_scores(ap, spaces)))[""]


def test_the_map_is_over_queries_and_the_macro_map_over_groups() -> None:
    found = metrics(
        outcome("1", "a", 0.2), outcome("2", "a", 0.4), outcome("3", "a", 0.6), outcome("4", "b", 0.8)
    )
    assert found["map"] == pytest.approx(0.5)
    assert found["map_macro"] == pytest.approx(0.6)
    assert found["map_n_groups"] == 2
    assert "map_low" not in found  # two groups are too few


def test_queries_without_positives_are_left_out_and_counted() -> None:
    found = metrics(outcome("1", "a", 0.5), outcome("2", "b", np.nan, positives=0))
    assert found["map"] == 0.5
    assert (found["n_queries"], found["n_without_positives"], found["n_unanswered"]) == (2, 1, 0)
    assert not {"map_low", "map_high"} & set(found)
    assert found["map_n_groups"] == 1


def test_a_query_that_could_not_be_run_counts_as_zero() -> None:
    found = metrics(outcome("1", "a", 0.5), outcome("2", "b", 0.0, ranked=0))
    assert found["map"] == 0.25
    assert found["n_unanswered"] == 1


def test_no_queries_give_no_numbers() -> None:
    found = metrics()
    assert not {"map", "map_macro"} & set(found)
    assert found["n_queries"] == 0


def test_every_number_has_its_chance_level_beside_it() -> None:
    found = metrics(outcome("1", "a", 0.5))
    for name in (
        "map",
        "p_at_1",
        "p_at_5",
        "p_at_10",
        "hit_at_5",
        "hit_at_10",
        "recall_at_10",
        "r_precision",
    ):
        assert isinstance(found[f"{name}_chance"], float)


def test_the_revisited_precision_stands_beside_trapezoidal_ap_only() -> None:
    assert flat("trapezoid", outcome("1", "a", 0.5))["mp_revisited_at_10"] == 0.5
    assert "mp_revisited_at_10" not in flat("step", outcome("1", "a", 0.5))


def test_group_mean_leaves_out_what_has_no_value() -> None:
    assert group_mean(np.array([0.2, np.nan, 0.6, np.nan]), ["a", "a", "b", "c"]) == pytest.approx(0.4)
    assert group_mean(np.array([np.nan]), ["a"]) is None


def test_the_best_layer_is_the_first_of_equals() -> None:
    values = {"x": 0.4, "y": 0.41, "z": 0.41}
    scores = [
        *(Score("map", value, layer=layer, task="t") for layer, value in values.items()),
        Score("map", 0.9, layer="x", task="t", space="pca"),
        Score("map", 0.9, layer="x", task="other"),
    ]
    assert best_layer(scores, "t") == "best layer y: t mAP 0.41"
    assert best_layer([Score("map", None, layer="x", task="t")], "t") == "no t mAP: no query has a positive"
