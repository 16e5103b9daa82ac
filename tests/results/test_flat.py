"""Score tables become two flat levels, and come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.measures.scores import Policy, Score, Scored
from strata.results.flat import flatten, unflatten
from strata.results.names import BOUNDS, OF_FACET, OF_TASK, SPACES

TASKS, FACETS = ["detail", "own", "own_hard", "class"], ["motif", "mood", "sub_mood"]

share = st.floats(0, 1).map(lambda value: round(value, 4))
maybe = st.none() | share
columns = {
    "value": st.none() | share | st.integers(0, 9),
    "low": maybe,
    "high": maybe,
    "chance": maybe,
    "n": st.none() | st.integers(1, 99),
    "note": st.none() | st.text(max_size=9),
    "layer": st.sampled_from(["stem", "blocks.5"]),
}
of_task = st.builds(
    Score,
    st.sampled_from(OF_TASK),
    task=st.sampled_from(TASKS),
    space=st.sampled_from([None, *SPACES]),
    **columns,
)
of_facet = st.builds(Score, st.sampled_from(OF_FACET), facet=st.sampled_from(FACETS), **columns)
of_layer = st.builds(Score, st.sampled_from(["n", "k", "silhouette", "ece", "top1", "top5"]), **columns)
rows = (of_task | of_facet | of_layer).filter(
    lambda row: any(getattr(row, name) is not None for name in ("value", *BOUNDS))
)
tables = st.lists(
    rows,
    max_size=12,
    unique_by=lambda row: (row.layer, row.metric, row.task, row.space, row.facet),
)


@given(tables)
def test_rows_come_back_as_they_were(table: list[Score]) -> None:
    found = unflatten(flatten(Scored(table), FACETS), TASKS, FACETS)
    assert sorted(found, key=repr) == sorted(table, key=repr)


@given(rows)
def test_counts_stay_counts_and_shares_stay_shares(row: Score) -> None:
    (found,) = unflatten(flatten(Scored([row]), FACETS), TASKS, FACETS)
    assert type(found.value) is type(row.value)


def test_every_part_has_its_place_in_the_name() -> None:
    table = [
        Score("map", 0.5, 0.4, 0.6, 0.1, 10, layer="late", task="detail"),
        Score("map", 0.3, layer="late", task="detail", space="in_cluster"),
        Score("accuracy", 0.9, 0.8, layer="late", facet="motif"),
        Score("accuracy", 0.7, 0.6, layer="late", facet="mood"),
        Score("silhouette", None, note="undefined", layer="late"),
    ]
    assert flatten(Scored(table, [Policy("ap", "step", "late", "detail")]), FACETS)["late"] == {
        "detail_map": 0.5,
        "detail_map_low": 0.4,
        "detail_map_high": 0.6,
        "detail_map_chance": 0.1,
        "detail_map_n_groups": 10,
        "detail_map_in_cluster": 0.3,
        "accuracy": 0.9,
        "accuracy_low": 0.8,
        "accuracy_mood": 0.7,
        "accuracy_low_mood": 0.6,
        "silhouette_note": "undefined",
        "detail_ap": "step",
    }


def test_a_row_without_a_value_leaves_nothing_and_its_layer_stays() -> None:
    assert flatten(Scored([Score("map", None, layer="late")])) == {"late": {}}


def test_two_rows_of_one_name_are_no_silent_loss() -> None:
    table = [Score("map", 0.5, chance=0.1, task="detail"), Score("chance", 0.1, task="detail_map")]
    with pytest.raises(StrataError, match="two numbers are called detail_map_chance"):
        flatten(Scored(table))


def test_policies_are_no_scores() -> None:
    assert unflatten({"late": {"detail_ap": "step", "extract_view": "squash"}}, TASKS, FACETS) == []
