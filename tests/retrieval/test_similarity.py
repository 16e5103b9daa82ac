"""Similarities: against numpy's own, with ties, with vectors that say nothing, in blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strata.base import threads
from strata.retrieval import similarity
from strata.retrieval.similarity import build_index, queries_per_block, score_rows
from tests.retrieval.one_ranking import rank_by_score


@settings(deadline=None, max_examples=50)
@given(arrays(np.float32, (12, 4), elements=st.integers(-3, 3)))
def test_scores_are_cosines_and_minus_distances(vectors: np.ndarray) -> None:
    exact, ranked = vectors.astype(np.float64), np.ones(9, np.bool_)
    cosine = score_rows(build_index(vectors, "cosine", ranked), np.arange(12))
    distance = score_rows(build_index(vectors, "euclidean", ranked, np.ones(12, np.bool_)), np.arange(12))
    for q in range(12):
        for i in range(9):
            lengths = np.linalg.norm(exact[q]) * np.linalg.norm(exact[i])
            expected = exact[q] @ exact[i] / lengths if lengths else -np.inf
            assert cosine[q, i] == pytest.approx(expected, abs=1e-6)
            assert distance[q, i] == pytest.approx(-np.linalg.norm(exact[q] - exact[i]), abs=1e-6)


def test_equal_pictures_tie_and_the_lower_position_wins_however_blocks_fall(monkeypatch) -> None:
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(60, 37)).astype(np.float32)
    vectors[[3, 17, 41, 59]] = vectors[30]
    orders = []
    for block in (7, 16, 4096):
        monkeypatch.setattr(similarity, "DATABASE_BLOCK", block)
        for metric in ("cosine", "euclidean"):
            scores = score_rows(build_index(vectors, metric, np.ones(60, np.bool_)), np.array([30, 2]))
            assert rank_by_score(scores[0])[:5].tolist() == [3, 17, 30, 41, 59]
            orders.append((metric, rank_by_score(scores[1]).tolist()))
    assert orders[0::2] == [orders[0]] * 3
    assert orders[1::2] == [orders[1]] * 3


def test_the_number_of_cores_changes_no_bit(monkeypatch) -> None:
    vectors = np.random.default_rng(7).normal(size=(2500, 33)).astype(np.float32)
    for metric in ("cosine", "euclidean"):
        index = build_index(vectors, metric, np.ones(2500, np.bool_))
        found = []
        for count in (1, 3):
            monkeypatch.setattr(threads, "cores", lambda count=count: count)
            found.append(score_rows(index, np.arange(40)))
        assert np.array_equal(*found)


def test_the_distance_of_a_vector_to_itself_is_zero_not_rounding() -> None:
    vectors = np.random.default_rng(1).normal(size=(5, 300)).astype(np.float32) * 1e3
    scores = score_rows(build_index(vectors, "euclidean", np.ones(5, np.bool_)), np.arange(5))
    assert np.diagonal(scores).tolist() == [0.0] * 5


def test_euclidean_ranks_normalised_vectors_as_cosine_does() -> None:
    vectors = np.random.default_rng(2).normal(size=(80, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine, distance = (
        score_rows(build_index(vectors, m, np.ones(80, np.bool_)), np.arange(80))
        for m in ("cosine", "euclidean")
    )
    assert all(
        np.array_equal(rank_by_score(c), rank_by_score(d)) for c, d in zip(cosine, distance, strict=True)
    )


def test_euclidean_differs_from_cosine_where_lengths_differ() -> None:
    vectors = np.array([[1, 0], [10, 0], [0.8, 0.6]], np.float32)
    ranked = np.ones(3, np.bool_)
    assert rank_by_score(score_rows(build_index(vectors, "cosine", ranked), np.array([0]))[0]).tolist() == [
        0,
        1,
        2,
    ]
    assert rank_by_score(
        score_rows(build_index(vectors, "euclidean", ranked), np.array([0]))[0]
    ).tolist() == [0, 2, 1]


def test_what_says_nothing_is_neither_ranked_nor_answered() -> None:
    vectors = np.array([[1, 0], [0, 0], [np.nan, 1], [0, 1], [1, 1]], np.float32)
    index = build_index(vectors, "cosine", np.array([True, True, True, False]))
    assert index.candidates.tolist() == [True, False, False, False]
    scores = score_rows(index, np.array([4, 1, 2, -1]))
    assert rank_by_score(scores[0]).tolist() == [0]
    assert np.isneginf(scores[1:]).all()


def test_a_query_block_keeps_within_the_budget() -> None:
    assert queries_per_block(1_000_000, 256) == 67
    assert queries_per_block(1_000_000, 256, 12) == 22
    assert queries_per_block(1_000_000, 1) == 1
    assert queries_per_block(320, 256) == similarity.MOST_QUERIES
    assert queries_per_block(0, 256) == similarity.MOST_QUERIES
