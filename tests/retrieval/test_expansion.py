"""Expansion and augmentation against loops written from the published sums, and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.retrieval import expansion
from strata.retrieval.expansion import augment_database, centred, database_mean, expand_queries, multi_scale
from strata.retrieval.knn import NO_ROW
from tests.retrieval.neighbourhoods import collection, seeds, slow_nearest, unit


def slow_expansion(query, database, left_out, k, alpha):
    total = unit(query)
    for place, cosine in zip(*slow_nearest(query, database, left_out, k), strict=True):
        if cosine > 0:
            total = total + cosine**alpha * unit(database[place])
    return total / np.linalg.norm(total)


@given(seeds, st.integers(1, 12), st.sampled_from([0.0, 1.0, 3.0]))
@settings(max_examples=30, deadline=None)
def test_alpha_query_expansion_is_the_published_mean(seed, k, alpha):
    database, queries = collection(seed), 3 * collection(seed + 1, 3)
    own = np.array([NO_ROW, 4, 0])
    found = expand_queries(queries, database, own, k=k, alpha=alpha)
    for row in range(3):
        expected = slow_expansion(queries[row], database, {own[row]}, k, alpha)
        np.testing.assert_allclose(found[row], expected, atol=1e-6)


@given(seeds, st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_augmentation_expands_every_database_vector_by_the_others(seed, k):
    database = collection(seed, 10)
    found = augment_database(database, k=k, alpha=2)
    for row in range(10):
        np.testing.assert_allclose(
            found[row], slow_expansion(database[row], database, {row}, k, 2), atol=1e-6
        )


def test_expansion_worked_by_hand():
    database = np.array([[0.8, 0.6], [0, 1]], np.float32)
    found = expand_queries(np.array([[1, 0]], np.float32), database, np.array([NO_ROW]), k=2, alpha=3)
    sum_ = np.array([1 + 0.512 * 0.8, 0.512 * 0.6])  # the second one is at a right angle
    np.testing.assert_allclose(found[0], sum_ / np.linalg.norm(sum_), atol=1e-6)


def test_an_own_picture_takes_no_part():
    database = collection(5)
    queries = database[:3]
    without_own = np.delete(database, 1, axis=0)
    found = expand_queries(queries, database, np.arange(3), k=4)[1]
    expected = expand_queries(queries[1:2], without_own, np.array([NO_ROW]), k=4)[0]
    np.testing.assert_array_equal(found, expected)


def test_a_zero_vector_stays_zero_everywhere():
    database = collection(6, 8)
    database[3] = 0
    assert not augment_database(database, k=3)[3].any()
    assert not centred(database, database_mean(database))[3].any()
    np.testing.assert_allclose(
        database_mean(database), np.delete(database, 3, axis=0).mean(axis=0), atol=1e-6
    )


def test_centring_subtracts_and_normalises():
    found = centred(np.array([[3, 1], [1, 5]], np.float32), np.array([0, 1], np.float32))
    np.testing.assert_allclose(found, [[1, 0], [1 / np.sqrt(17), 4 / np.sqrt(17)]], atol=1e-6)


def test_sizes_count_alike_however_long_their_vectors():
    found = multi_scale([np.array([[9, 0]], np.float32), np.array([[0, 1]], np.float32)])
    assert found[0] == pytest.approx([np.sqrt(0.5)] * 2)


def test_expansion_does_not_depend_on_the_batch(monkeypatch):
    database, queries = collection(7, 60, 16), collection(8, 11, 16)
    own = np.full(11, NO_ROW)
    whole = expand_queries(queries, database, own)
    monkeypatch.setattr(expansion, "GATHERED_BYTES", 1)
    np.testing.assert_array_equal(expand_queries(queries, database, own), whole)
    np.testing.assert_array_equal(expand_queries(queries[4:5], database, own[:1])[0], whole[4])
