"""From score tables to metrics."""

from __future__ import annotations

import math

import pytest

from strata.measures.scores import score_table
from strata.results import summary

RETRIEVAL: summary.Metrics = {
    "stem": {"detail_map": 0.2, "detail_map_low": 0.1, "detail_map_high": 0.3, "detail_map_chance": 0.05},
    "late": {"detail_map": 0.4, "detail_map_chance": 0.05, "detail_p_at_1": 0.5, "detail_ap": "step"},
}


def test_scores_become_two_levels_with_the_layers_in_the_order_asked_for() -> None:
    table = score_table({"late": {"a_map": 0.123456, "a_ap": "step"}, "stem": {"a_map": 0.5}})
    nested = summary.nest(table, "layer", ["stem", "middle", "late"])
    assert list(nested) == ["stem", "late"]
    assert nested["late"] == {"a_map": 0.1235, "a_ap": "step"}


def test_what_has_no_value_is_left_out() -> None:
    table = score_table({"stem": {"a": None, "b": math.nan, "c": 1.0}})
    assert summary.nest(table, "layer") == {"stem": {"c": 1.0}}


@pytest.mark.parametrize(
    ("value", "shown"), [(320, 320), (1, 1), (0, 0), (1.0, 1.0), (0.00004, 0.0), (2.5, 2.5), (3.0, 3.0)]
)
def test_counts_are_integers_and_the_rest_has_four_decimals(value: float, shown: float) -> None:
    found = summary.nest(score_table({"stem": {"a": value}}), "layer")["stem"]["a"]
    assert found == shown
    assert type(found) is type(shown)


def test_a_policy_that_the_scores_state_themselves_wins() -> None:
    assert summary.with_policies({"stem": {"match": "global"}}, {"match": "region", "view": "squash"}) == {
        "stem": {"match": "global", "view": "squash"}
    }


def test_parameters_become_policies_without_dots_or_nulls() -> None:
    policies = summary.flat_policies(
        {"pooling": "max", "extract": {"image_size": None, "gem_p": 3.0, "l2": False}}
    )
    assert policies == {
        "pooling": "max",
        "extract_image_size": "none",
        "extract_gem_p": 3.0,
        "extract_l2": "no",
    }


def test_parameters_are_listed_by_their_path() -> None:
    params = summary.flat_params({"layers": ["stem", "late"], "extract": {"levels": 3}})
    assert params == {"layers": "stem, late", "extract.levels": "3"}


def test_tasks_are_discovered_from_their_map() -> None:
    metrics: summary.Metrics = {
        "stem": {"b_map": 0.1, "b_map_pca": 0.2, "a_map": 0.3, "c_map": "not run", "x": 1}
    }
    assert summary.tasks(metrics) == ["b", "a"]


def test_a_reading_carries_interval_and_chance_where_there_are_any() -> None:
    (measure,) = summary.find_measures(RETRIEVAL)
    stem, late = summary.read(RETRIEVAL, measure)
    assert stem == summary.Reading("stem", 0.2, 0.1, 0.3, 0.05)
    assert late == summary.Reading("late", 0.4, None, None, 0.05)


def test_of_equal_layers_the_earlier_is_best() -> None:
    metrics: summary.Metrics = {"a": {"t_map": 0.4}, "b": {"t_map": 0.4}, "c": {"t_map": 0.3}}
    (measure,) = summary.find_measures(metrics)
    top = summary.best(metrics, measure)
    assert top is not None
    assert top.layer == "a"


def test_the_main_facet_has_no_suffix() -> None:
    clusters: summary.Metrics = {
        "stem": {"ami": 0.1, "ami_mood": 0.2, "purity_mood": 0.5, "purity_chance_mood": 0.4}
    }
    measures = summary.group_measures(clusters, ["motif", "mood"])
    assert [(m.subject, m.metric, m.chance) for m in measures] == [
        ("motif", "ami", None),
        ("mood", "ami_mood", None),
        ("mood", "purity_mood", "purity_chance_mood"),
    ]


def test_guessing_reaches_an_ami_of_zero() -> None:
    clusters: summary.Metrics = {"stem": {"ami": 0.1}}
    (measure,) = summary.group_measures(clusters, ["motif"])
    assert summary.read(clusters, measure)[0].chance == 0


def test_a_probe_is_compared_with_the_largest_class() -> None:
    probe: summary.Metrics = {"stem": {"accuracy": 0.6, "majority": 0.3, "chance": 0.1}}
    (measure,) = summary.name_measures(probe, ["motif"])
    assert summary.read(probe, measure)[0].chance == 0.3


def test_chart_rows_are_long_and_numbered_in_forward_order() -> None:
    rows = summary.layer_rows(RETRIEVAL, summary.first_place_measures(RETRIEVAL), ["stem", "late"])
    assert rows == [
        {
            "layer": "late",
            "order": 1,
            "metric": "detail_p_at_1",
            "value": 0.5,
            "low": None,
            "high": None,
            "chance": None,
        }
    ]


def test_names_from_a_sorted_file_get_their_order_back() -> None:
    metrics: summary.Metrics = {"a": {"x": 1, "y": 2}, "b": {"x": 3}}
    ordered = summary.in_order(metrics, ["b"], ["y", "x", "gone"])
    assert [(key, list(values)) for key, values in ordered.items()] == [("b", ["x"]), ("a", ["y", "x"])]


def test_prompt_sets_left_out_say_why_in_the_metrics() -> None:
    assert summary.unscored({"status": "ok", "left_out": {"mood": "no classes"}}) == {
        "mood": {"status": "left out: no classes"}
    }
    assert summary.unscored({"status": "not run: no prompts", "left_out": {}}) == {
        "none": {"status": "not run: no prompts"}
    }


def test_csv_quotes_what_needs_it_and_leaves_nulls_empty() -> None:
    assert summary.csv_text(("a", "b"), [{"a": 'x, "y"', "b": None}]) == 'a,b\n"x, ""y""",\n'
