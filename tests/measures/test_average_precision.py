"""Measures of a ranking: the golden numbers, the original loops, scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from strata.measures.average_precision import measure_rankings, step_average_precision
from tests.retrieval.one_ranking import (
    hit_at_k,
    measure,
    mp_revisited_at_k,
    precision_at_k,
    r_precision,
    recall_at_k,
    trapezoid_average_precision,
)

RANKINGS = [[3, 7, 0, 5, 1, 9, 2, 11, 4, 8, 6, 10], list(range(12)), list(range(11, -1, -1))]
EASY, HARD, JUNK = [[7, 1], [0], [2, 8]], [[5, 6], [], [11]], [[3, 9], [2], [10, 9]]


def oxford_ap(ranking: list[int], positives: set[int], junk: set[int]) -> float:
    """The compiled program of the Oxford ground truth, as a loop."""
    ap, old_recall, old_precision, found, rank = 0.0, 0.0, 1.0, 0, 0
    for image in ranking:
        if image in junk:
            continue
        found += image in positives
        recall, precision = found / len(positives), found / (rank + 1)
        ap += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision, rank = recall, precision, rank + 1
    return ap


def ranks_of(ranking: list[int], positives: list[int], junk: list[int]) -> np.ndarray:
    kept = [image for image in ranking if image not in junk]
    return np.array([rank for rank, image in enumerate(kept) if image in positives], np.int64)


def revisited(setup: str) -> list[tuple[np.ndarray, int]]:
    """(ranks, number of positives) a query of the golden case, under Easy, Medium or Hard."""
    result = []
    for ranking, easy, hard, junk in zip(RANKINGS, EASY, HARD, JUNK, strict=True):
        positives = {"E": easy, "M": easy + hard, "H": hard}[setup]
        left_out = {"E": junk + hard, "M": junk, "H": junk + easy}[setup]
        result.append((ranks_of(ranking, positives, left_out), len(positives)))
    return result


GOLDEN = {
    "E": (
        0.8015873016,
        [0.7916666667, 1, 0.6130952381],
        [1, 0.6222222222, 0.6507936508],
        [0.833333, 1, 0.642857],
    ),
    "M": (
        0.8173776455,
        [0.6753472222, 1, 0.7767857143],
        [1, 0.6666666667, 0.6064814815],
        [0.715278, 1, 0.791667],
    ),
    "H": (0.6190476190, [0.2380952381, None, 1], [0.5, 0.6, 0.6428571429], [0.392857, None, 1]),
}


@pytest.mark.parametrize("setup", "EMH")
def test_golden_numbers_of_the_revisited_protocol(setup: str) -> None:
    mean, each, mp, step = GOLDEN[setup]
    queries = revisited(setup)
    found = [trapezoid_average_precision(r, n) if n else None for r, n in queries]
    assert [ap is None for ap in found] == [ap is None for ap in each]
    scored = [(r, n) for r, n in queries if n]
    assert [ap for ap in found if ap is not None] == pytest.approx(
        [ap for ap in each if ap is not None], abs=1e-9
    )
    assert np.mean([trapezoid_average_precision(r, n) for r, n in scored]) == pytest.approx(mean, abs=1e-9)
    assert [step_average_precision(r, n) for r, n in scored] == pytest.approx(
        [s for s in step if s], abs=1e-6
    )
    for k, expected in zip((1, 5, 10), mp, strict=True):
        assert np.mean([mp_revisited_at_k(r, n, k) for r, n in scored]) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.permutations(range(15)), st.sets(st.integers(0, 14), min_size=1), st.sets(st.integers(0, 14)))
def test_trapezoid_is_the_original_loop(ranking: list[int], positives: set[int], junk: set[int]) -> None:
    junk -= positives
    ranks = ranks_of(ranking, list(positives), list(junk))
    assert trapezoid_average_precision(ranks, len(positives)) == pytest.approx(
        oxford_ap(ranking, positives, junk)
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(st.booleans(), min_size=1, max_size=60).filter(any))
def test_step_is_scikit_learns_average_precision(relevant: list[bool]) -> None:
    scores = -np.arange(len(relevant), dtype=float)
    ranks = np.flatnonzero(relevant)
    assert step_average_precision(ranks, len(ranks)) == pytest.approx(
        average_precision_score(relevant, scores)
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(st.booleans(), min_size=1, max_size=40).filter(any), st.integers(0, 5), st.integers(1, 45))
def test_measures_at_k_are_counts_over_the_first_k(relevant: list[bool], missing: int, k: int) -> None:
    ranks, total = np.flatnonzero(relevant), sum(relevant) + missing
    hits = sum(relevant[:k])
    assert precision_at_k(ranks, k) == hits / k
    assert hit_at_k(ranks, k) == (hits > 0)
    assert recall_at_k(ranks, total, k) == hits / total
    assert r_precision(ranks, total) == sum(relevant[:total]) / total


def test_junk_consumes_no_rank() -> None:
    assert ranks_of([9, 3, 8, 4], [3, 4], [9, 8]).tolist() == [0, 1]
    assert trapezoid_average_precision(ranks_of([9, 3, 8, 4], [3, 4], [9, 8]), 2) == 1


def test_a_positive_that_was_never_ranked_stays_in_the_denominator() -> None:
    ranks = np.array([0, 1])
    for score in (step_average_precision, trapezoid_average_precision, r_precision):
        assert score(ranks, 4) == 0.5
    assert mp_revisited_at_k(ranks, 4, 10) == 0.2
    assert mp_revisited_at_k(ranks, 2, 10) == 1


def test_nothing_found_scores_nothing() -> None:
    none = np.zeros(0, np.int64)
    assert step_average_precision(none, 3) == trapezoid_average_precision(none, 3) == 0
    assert hit_at_k(none, 5) == recall_at_k(none, 3, 5) == mp_revisited_at_k(none, 3, 5) == 0
    assert not math.isnan(r_precision(none, 3))


ranked = st.sets(st.integers(0, 400), max_size=60).map(lambda ranks: np.array(sorted(ranks), np.int64))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(ranked, st.integers(0, 3)), max_size=12))
def test_many_rankings_at_once_are_each_what_one_is_to_the_last_bit(queries: list) -> None:
    rankings, totals = [ranks for ranks, _ in queries], [len(ranks) + missing for ranks, missing in queries]
    found = measure_rankings(rankings, totals)
    assert found.shape == (len(queries), 10)
    for row, ranks, total in zip(found.tolist(), rankings, totals, strict=True):
        assert row == list(measure(ranks, total)) if total else np.isnan(row).all()
