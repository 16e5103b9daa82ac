"""The metric tables."""

from __future__ import annotations

import pytest

from strata.measures.scores import Score, Scored
from strata.report.metric_tables import Cell, metric_table, printed
from strata.report.numbers import everything, flat_results, scoring_policies, tables
from strata.report.terms import heading
from strata.results.comparison import Results

SCORES = [
    Score("map", 0.2, 0.1, 0.3, 0.05, layer="stem"),
    Score("n_queries", 24, layer="stem"),
    Score("map", 0.4, chance=0.05, layer="late"),
    Score("n_queries", 24, layer="late"),
    Score("ece", 0.1, layer="late"),
]


def scores(layers: dict[str, dict[str, float]]) -> list[Score]:
    return [Score(m, value, layer=layer) for layer, own in layers.items() for m, value in own.items()]


def test_interval_and_chance_stand_below_their_number() -> None:
    table = metric_table("t", SCORES, ["stem", "late"])
    assert table.columns == [("mAP", "map"), ("calibration error", "ece")]
    (_, stem), (_, late) = table.rows
    assert stem[0] == Cell("0.200", ("0.100 – 0.300", "chance 0.050"), best=False, share=0.2)
    assert late[0] == Cell("0.400", ("chance 0.050",), best=True, share=0.4)
    assert stem[1].text == "–"


def test_counts_that_never_differ_become_a_note() -> None:
    assert metric_table("t", SCORES, ["stem", "late"]).note == "queries 24"


def test_the_groups_of_an_interval_are_a_count() -> None:
    rows = [Score("map", 0.2, 0.1, 0.3, n=10, layer=layer) for layer in ("stem", "late")]
    assert metric_table("t", rows, ["stem", "late"]).note == "groups 10"
    table = metric_table("t", [*rows, Score("map", 0.2, n=9, layer="x")], ["stem", "late", "x"])
    assert [cells[1].text for _, cells in table.rows] == ["10", "10", "9"]


def test_a_space_is_a_column_of_its_own() -> None:
    rows = [Score("map", 0.2, layer="a"), Score("map", 0.1, layer="a", space="pca")]
    assert metric_table("t", rows, ["a"]).columns == [("mAP", "map"), ("mAP, PCA", "map_pca")]


def test_neither_a_lone_value_nor_a_reference_is_best() -> None:
    rows = scores({"a": {"accuracy": 0.5, "majority": 0.2}, "b": {"accuracy": 0.5, "majority": 0.4}})
    table = metric_table("t", rows, ["a", "b"])
    assert not any(cell.best for _, cells in table.rows for cell in cells)


def test_rows_that_answer_different_questions_are_not_ranked() -> None:
    rows = scores({"a": {"top1": 0.1}, "b": {"top1": 0.3}})
    table = metric_table("t", rows, ["a", "b"], key="prompt set", rank=False)
    assert not any(cell.best for _, cells in table.rows for cell in cells)


def test_what_is_seldom_read_is_left_to_the_full_list() -> None:
    rows = [Score("map", 0.1, layer="a"), Score("p_at_5", 0.1, chance=0.2, layer="a")]
    assert metric_table("t", rows, ["a"]).columns == [("mAP", "map")]


def test_a_count_of_nothing_is_a_plain_zero() -> None:
    rows = scores({"a": {"map": 0.1, "left_out": 0, "largest": 1}, "b": {"left_out": 0, "largest": 9}})
    table = metric_table("t", rows, ["a", "b"])
    assert table.note == "left out 0"
    assert [cells[1].text for _, cells in table.rows] == ["1", "9"]


def test_nothing_is_best_where_more_is_not_better() -> None:
    rows = scores(
        {
            "a": {"silhouette": 0.1, "train_accuracy": 1.0, "ami": 0.2},
            "b": {"silhouette": 0.3, "train_accuracy": 0.9, "ami": 0.1},
        }
    )
    (_, a), (_, b) = metric_table("t", rows, ["a", "b"]).rows
    assert [cell.best for cell in a] == [False, False, True]
    assert not any(cell.best for cell in b)


def test_a_number_of_one_is_no_count() -> None:
    table = metric_table("t", scores({"a": {"p_at_1": 1.0}, "b": {"p_at_1": 1.0}}), ["a", "b"])
    assert (table.columns, table.note) == ([("P@1", "p_at_1")], "")


def test_a_table_a_task_and_a_facet_whatever_their_names() -> None:
    retrieval = [Score("map", 0.1, layer="a", task="own"), Score("map", 0.2, layer="a", task="own_hard")]
    clusters = [
        Score("k", 4, layer="a"),
        Score("silhouette", 0.3, layer="a"),
        Score("ami", 0.1, layer="a", facet="motif"),
        Score("ami", 0.2, layer="a", facet="sub_motif"),
    ]
    results = Results(Scored(retrieval), Scored(clusters), Scored(), Scored(), ["motif", "sub_motif"])
    found = tables(results, ["own", "own_hard"])
    assert [[cell.text for cell in table.rows[0][1]] for table in found] == [
        ["0.100"],
        ["0.200"],
        ["0.300", "0.100"],
        ["0.200"],
    ]
    assert found[2].note == "clusters 4"


def test_without_facets_there_is_one_table_of_clusters() -> None:
    results = Results(Scored(), Scored([Score("silhouette", 0.3, layer="a")]), Scored(), Scored(), [])
    assert [table.caption for table in tables(results, [])] == ["Clusters"]


def test_everything_is_listed_and_texts_are_policies_too() -> None:
    clusters = Scored([Score("silhouette", 0.3, note="sampled", layer=name) for name in ("a", "b")])
    flat = flat_results(Results(Scored(), clusters, Scored(), Scored(), []))
    assert everything(flat)[1] == (
        "Everything measured: clusters",
        ["a", "b"],
        [("silhouette", ["0.300", "0.300"]), ("silhouette_note", ["sampled", "sampled"])],
    )
    assert scoring_policies(flat) == [("clusters: silhouette note", "sampled")]


@pytest.mark.parametrize(
    ("metric", "shown"),
    [
        ("p_at_10", "P@10"),
        ("top5", "top-5"),
        ("hit_at_5", "hit@5"),
        ("n_groups", "groups"),
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
