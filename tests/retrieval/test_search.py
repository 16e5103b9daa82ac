"""The nearest alone: the beginning of the full ranking, whatever is copied, scaled, missing or in blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.base import threads
from strata.retrieval import search
from strata.retrieval.search import find_nearest
from strata.retrieval.similarity import VectorIndex, build_index, score_rows
from tests.retrieval.one_ranking import rank_by_score


def check(index: VectorIndex, rows: np.ndarray, k: int, budget_mib: int = 64) -> None:
    """The oracle: score everything, sort everything."""
    found = find_nearest(index, rows, k, budget_mib)
    for near, scores in zip(found, score_rows(index, rows), strict=True):
        order = rank_by_score(scores)[:k]
        assert near.places.tolist() == order.tolist()
        assert near.scores.tolist() == scores[order].tolist()


def unit_vectors(n: int, width: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("scaled", [False, True])
def test_the_nearest_are_those_of_the_full_ranking(metric: str, scaled: bool) -> None:
    vectors = unit_vectors(6000, 24)
    if scaled:
        vectors *= np.random.default_rng(1).uniform(0.01, 50, (6000, 1)).astype(np.float32)
    index = build_index(vectors, metric, np.ones(5900, np.bool_))
    for k in (1, 20, 300):
        check(index, np.arange(0, 6000, 83), k)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 90),
    st.integers(1, 5),
    st.integers(1, 120),
    st.integers(1, 30),
    st.sampled_from(["cosine", "euclidean"]),
    st.integers(0, 2**16),
)
def test_small_collections_full_of_equals(
    n: int, width: int, k: int, block: int, metric: str, seed: int
) -> None:
    """Coordinates are -1, 0 or 1: there are copies, zero vectors and many equal scores."""
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-1, 2, (n + 3, width)).astype(np.float32)
    vectors[rng.integers(0, n)] = np.nan
    index = build_index(vectors, metric, rng.random(n) < 0.8)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(search, "BLOCK", block)
        monkeypatch.setattr(search, "_most_kept", lambda k: k)
        check(index, np.array([-1, *range(n + 3)]), k)


def test_a_collection_of_copies_is_ranked_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    in_full: list[int] = []

    def spy(index: VectorIndex, rows: np.ndarray) -> np.ndarray:
        in_full.extend(rows.tolist())
        return score_rows(index, rows)

    monkeypatch.setattr(search, "score_rows", spy)
    vectors = np.repeat(unit_vectors(3, 16), 2000, axis=0)
    check(
        build_index(vectors, "cosine", np.ones(6000, np.bool_)), np.array([0, 2500, 5999]), 10, budget_mib=1
    )
    assert in_full == [0, 2500, 5999]


def test_neighbours_closer_than_float32_can_tell_are_told_apart() -> None:
    """Vectors around one direction: the rough product cannot order them, the exact scores can."""
    rng = np.random.default_rng(3)
    vectors = unit_vectors(1, 64)[0] + 1e-4 * rng.normal(size=(5000, 64))
    check(build_index(vectors.astype(np.float32), "cosine", np.ones(5000, np.bool_)), np.arange(9), 50)


def test_cores_budget_and_panels_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    index = build_index(unit_vectors(3000, 40), "cosine", np.ones(3000, np.bool_))
    once = find_nearest(index, np.arange(100), 15, 256)
    monkeypatch.setattr(search, "PANEL", 7)
    for budget_mib, cores in ((1, 1), (256, 3), (1, 2)):
        monkeypatch.setattr(threads, "cores", lambda cores=cores: cores)
        again = find_nearest(index, np.arange(100), 15, budget_mib)
        for one, other in zip(once, again, strict=True):
            assert np.array_equal(one.places, other.places)
            assert np.array_equal(one.scores, other.scores)


def test_nothing_is_asked_of_nothing() -> None:
    index = build_index(unit_vectors(5, 3), "cosine", np.zeros(5, np.bool_))
    assert [near.places.tolist() for near in find_nearest(index, np.arange(2), 3, 1)] == [[], []]
    assert find_nearest(index, np.zeros(0, np.int64), 3, 1) == []
