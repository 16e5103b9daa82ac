"""mAP@k, nDCG@k and MRR: by hand, against scikit-learn and, where it is there, trec_eval itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from strata.base.errors import StrataError
from strata.measures.average_precision import step_average_precision
from strata.measures.evaluate import evaluate
from strata.measures.named_measures import PATTERN, measure_by_name
from strata.settings.params import RetrieveParams

NAMES = ("map_at_1", "map_at_3", "map_at_10", "ndcg_at_1", "ndcg_at_3", "ndcg_at_10", "mrr")


@st.composite
def rankings(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Sorted ranks of the positives that were ranked, and how many positives there are."""
    ranks = sorted(draw(st.sets(st.integers(0, 19), max_size=8)))
    return np.array(ranks, np.int64), len(ranks) + draw(st.integers(0 if ranks else 1, 3))


def one(name: str, ranks: list[int], n_positives: int) -> float:
    return float(measure_by_name(name, [np.array(ranks, np.int64)], [n_positives])[0])


def test_values_worked_out_by_hand() -> None:
    assert one("map_at_3", [0, 2, 5], 4) == pytest.approx((1 + 2 / 3) / 4)
    assert one("ndcg_at_3", [1], 2) == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert one("mrr", [2, 7], 2) == pytest.approx(1 / 3)
    assert one("mrr", [], 2) == one("map_at_3", [], 2) == one("ndcg_at_3", [9], 1) == 0
    assert np.isnan(measure_by_name("mrr", [np.zeros(0, np.int64)], [0])).all()


@given(rankings())
def test_a_depth_beyond_the_ranking_gives_the_whole_ap(found: tuple[np.ndarray, int]) -> None:
    ranks, total = found
    assert one("map_at_20", ranks.tolist(), total) == pytest.approx(step_average_precision(ranks, total))


@given(rankings(), st.integers(1, 20))
def test_ndcg_is_scikit_learns_where_all_positives_are_ranked(found: Any, depth: int) -> None:
    ranks, _ = found
    if len(ranks):
        relevance = np.zeros(20)
        relevance[ranks] = 1
        wanted = ndcg_score([relevance], [-np.arange(20.0)], k=depth)
        assert one(f"ndcg_at_{depth}", ranks.tolist(), len(ranks)) == pytest.approx(wanted)


@given(st.lists(rankings(), min_size=1, max_size=5))
def test_trec_eval_agrees(found: list[tuple[np.ndarray, int]]) -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    qrels: dict[str, dict[str, int]] = {}
    for query, (ranks, total) in enumerate(found):
        lost = {f"lost{n}": 1 for n in range(total - len(ranks))}
        qrels[str(query)] = {**{f"d{rank}": 1 for rank in ranks.tolist()}, **lost}
    run = {query: {f"d{rank}": float(-rank) for rank in range(20)} for query in qrels}
    told = {"map_cut": "map_at", "ndcg_cut": "ndcg_at"}
    judged = pytrec_eval.RelevanceEvaluator(qrels, {"map_cut.1,3,10", "ndcg_cut.1,3,10", "recip_rank"})
    for query, measures in judged.evaluate(run).items():
        for name, value in measures.items():
            kind, _, depth = name.rpartition("_")
            ours = "mrr" if name == "recip_rank" else f"{told[kind]}_{depth}"
            ranks, total = found[int(query)]
            assert one(ours, ranks.tolist(), total) == pytest.approx(value)


def test_evaluate_scores_what_is_asked_for_by_name() -> None:
    scored = evaluate([["a", "b", "c"]], {0: {"b": 1}}, measures=NAMES)
    assert [scored.mean(name) for name in ("mrr", "map_at_1", "ndcg_at_3")] == [0.5, 0, 1 / math.log2(3)]
    assert "mrr" not in evaluate([["a"]], {0: {"a": 1}}).per_query


@pytest.mark.parametrize("name", ["map", "map_at_0", "ndcg_at_", "MRR", "p_at_3"])
def test_an_unknown_name_lists_those_there_are(name: str) -> None:
    with pytest.raises(StrataError, match="there are map_at_K, ndcg_at_K and mrr"):
        one(name, [0], 1)


def test_params_allow_the_same_names() -> None:
    (name,) = RetrieveParams.model_fields["measures"].annotation.__args__
    assert name.__metadata__[0].metadata[0].pattern == PATTERN
