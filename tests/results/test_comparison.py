"""Which layer is said to be best, and what it is compared by."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from typing import Any

from strata.measures.scores import Policy, Score, Scored
from strata.results.comparison import Measure, Results, compare_layers, read_results, rounded

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_results.py"))
RESULTS: Results = MADE["RESULTS"]


def test_queries_of_the_collection_come_before_class_retrieval() -> None:
    compared = compare_layers(RESULTS)
    assert compared.finding is not None
    assert compared.finding.subject == "detail"
    assert compared.tasks == ["class", "detail"]
    asked = [(measure.subject, measure.metric) for measure in compared.answers]
    assert asked == [("detail", "map"), ("class", "map"), ("motif", "ami"), ("motif", "accuracy")]


def test_a_layer_whose_interval_reaches_the_best_value_is_named() -> None:
    detail, by_class = compare_layers(RESULTS).answers[:2]
    assert (detail.best.layer, detail.rivals) == ("stem", ["embedding"])
    assert (by_class.best.layer, by_class.rivals) == ("embedding", [])


def test_of_equal_layers_the_earlier_is_best() -> None:
    scores = [Score("map", value, layer=layer) for layer, value in (("a", 0.4), ("b", 0.4), ("c", 0.3))]
    assert Measure("find", "t", "mAP", scores).best.layer == "a"


def test_other_spaces_and_rows_without_a_value_are_no_measure() -> None:
    retrieval = Scored([Score("map", 0.5, task="t", space="pca"), Score("map", None, task="u")])
    compared = compare_layers(Results(retrieval, Scored(), Scored(), Scored(), []))
    assert (compared.found, compared.finding, compared.answers) == ([], None, [])


def test_a_task_called_like_the_beginning_of_another_has_its_own_numbers() -> None:
    rows = [Score("map", 0.1, chance=0.01, task="own"), Score("map", 0.2, chance=0.02, task="own_hard")]
    compared = compare_layers(Results(Scored(rows), Scored(), Scored(), Scored(), []))
    assert [(m.subject, m.best.value, m.best.chance) for m in compared.found] == [
        ("own", 0.1, 0.01),
        ("own_hard", 0.2, 0.02),
    ]


def test_a_prompt_set_without_a_number_is_not_the_one_that_is_shown() -> None:
    words = compare_layers(RESULTS).words
    assert words is not None
    assert (words.layer, words.metric) == ("motif", "top1")
    unnamed = Scored(policies=[Policy("status", "not run", "none")])
    assert compare_layers(Results(Scored(), Scored(), Scored(), unnamed, [])).words is None


def test_numbers_are_compared_with_four_decimals_and_none_is_not_a_number() -> None:
    rows = [Score("map", 0.123456, math.nan, math.inf), Score("n", 3)]
    assert rounded(Scored(rows)).scores == [Score("map", 0.1235), Score("n", 3)]


def test_the_tables_of_the_four_stages_are_read(tmp_path: Path) -> None:
    MADE["make_results"](tmp_path)
    results = read_results(tmp_path / "data", list(MADE["FACETS"]))
    assert results.retrieval.layers == results.clusters.layers == results.probe.layers == MADE["LAYERS"]
    assert results.zeroshot.layers == ["motif", "mood", "medium"]
