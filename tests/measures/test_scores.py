"""Score tables on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from strata.base.files import read_table
from strata.measures.scores import Policy, Score, Scored, read_scores, value_of, write_scores

FOUND = Scored(
    [
        Score("map", 0.5, 0.4, 0.6, 0.1, 10, layer="late", task="detail"),
        Score("map", 0.25, layer="late", task="detail", space="pca"),
        Score("classes", 3, layer="late", facet="mood"),
        Score("accuracy", None, note="why", layer="early"),
    ],
    [Policy("ap", "step", "late", "detail"), Policy("drawn", "3 of 4", "early", facet="mood")],
)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    write_scores(tmp_path, FOUND)
    assert read_scores(tmp_path) == FOUND


def test_a_count_of_one_stays_a_count_and_a_share_of_one_a_share(tmp_path: Path) -> None:
    write_scores(tmp_path, Scored([Score("n", 1, layer="a"), Score("map", 1.0, layer="a")]))
    assert [type(score.value) for score in read_scores(tmp_path).scores] == [int, float]


def test_the_columns_are_those_of_a_row(tmp_path: Path) -> None:
    write_scores(tmp_path, Scored())
    columns = "layer task facet space metric value low high chance n note is_count"
    assert read_table(tmp_path / "scores.parquet").schema.names == columns.split()
    policies = "layer task facet policy value"
    assert read_table(tmp_path / "policies.parquet").schema.names == policies.split()


def test_columns_are_filled_in_for_numbers_and_policies_alike() -> None:
    placed = Scored([Score("map", 0.5)], [Policy("ap", "step")]).at(layer="late", task="detail")
    assert placed.scores == [Score("map", 0.5, layer="late", task="detail")]
    assert placed.policies == [Policy("ap", "step", "late", "detail")]


def test_layers_without_a_number_come_last() -> None:
    policies = [Policy("status", "left out", "mood"), Policy("facet", "motif", "motif")]
    assert Scored([Score("top1", 0.5, layer="motif")], policies).layers == ["motif", "mood"]


def test_a_policy_is_found_by_layer_and_task() -> None:
    assert FOUND.policy("ap", "late", "detail") == "step"
    with pytest.raises(KeyError, match="no policy ap"):
        FOUND.policy("ap", "late", "class")


def test_a_value_is_that_of_the_first_row_of_its_metric() -> None:
    assert value_of(FOUND.scores, "map") == 0.5
    assert value_of(FOUND.scores, "ap") is None
