"""k-reciprocal re-ranking against sets and loops written from the paper."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.retrieval import k_reciprocal as module
from strata.retrieval import knn
from strata.retrieval.k_reciprocal import k_reciprocal
from strata.retrieval.knn import NO_ROW
from tests.retrieval.neighbourhoods import collection, seeds, slow_nearest, unit


def slow_similarities(nodes, query, hidden, k1, k2, weight):
    """(M,) of one node to all: eq. 1 to 12 with Python sets. ``hidden``: node -> what is no neighbour."""
    n = len(nodes)
    cosines = np.array([[float(np.float32(unit(a) @ unit(b))) for b in nodes] for a in nodes])
    distances = np.maximum(2 - 2 * cosines, 0)
    distances /= np.maximum(distances.max(axis=1, keepdims=True), 1e-300)
    lists = [[i, *slow_nearest(nodes[i], nodes, {i, hidden.get(i)}, n)[0]] for i in range(n)]

    def reciprocal(i, k):
        return {j for j in lists[i][: k + 1] if i in lists[j][: k + 1]}

    encodings = np.zeros((n, n))
    for i in range(n):
        members = first = reciprocal(i, k1)
        for j in first:
            theirs = reciprocal(j, round(k1 / 2))
            if len(first & theirs) >= 2 / 3 * len(theirs):
                members = members | theirs
        for j in members:
            encodings[i, j] = math.exp(-distances[i, j])
        encodings[i] /= encodings[i].sum()
    averaged = np.array([np.mean([encodings[j] for j in lists[i][:k2]], axis=0) for i in range(n)])
    result = []
    for j in range(n):
        smaller = np.minimum(averaged[query], averaged[j]).sum()
        larger = np.maximum(averaged[query], averaged[j]).sum()
        result.append(-((1 - weight) * (1 - smaller / larger) + weight * distances[query, j]))
    return result


@given(seeds, st.integers(2, 9), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_pictures_of_the_database_are_ranked_as_published(seed, k1, k2):
    database = collection(seed, 18)
    own = np.array([0, 7, 12])
    found = k_reciprocal(database[own], database, own, k1=k1, k2=k2)
    for row, place in enumerate(own):
        expected = slow_similarities(database, place, {}, k1, k2, 0.3)
        np.testing.assert_allclose(found[row], expected, atol=2e-6)


@given(seeds, st.integers(2, 9))
@settings(max_examples=15, deadline=None)
def test_queries_from_outside_join_the_graph_and_leave_out_their_own_picture(seed, k1):
    database, queries = collection(seed, 15), collection(seed + 1, 3)
    queries[1] = database[3]
    own = np.array([NO_ROW, 3, 5])  # from outside; the picture itself; a crop of picture 5
    nodes = np.concatenate([database, queries[[0, 2]]])
    found = k_reciprocal(queries, database, own, k1=k1, k2=3)
    for row, node in enumerate((15, 3, 16)):
        expected = slow_similarities(nodes, node, {16: 5}, k1, 3, 0.3)[:15]
        np.testing.assert_allclose(found[row], expected, atol=2e-6)


def test_more_neighbours_than_pictures_are_all_of_them():
    database = collection(1, 6)
    own = np.arange(6)
    np.testing.assert_array_equal(
        k_reciprocal(database, database, own, k1=100, k2=20),
        k_reciprocal(database, database, own, k1=12, k2=6),
    )


def test_copies_and_a_zero_vector_do_no_harm():
    database = np.repeat(collection(2, 2), 3, axis=0)
    database[5] = 0
    found = k_reciprocal(database, database, np.arange(6), k1=2, k2=2)
    assert np.isfinite(found[:5, :5]).all()
    assert (found[5] == -np.inf).all()
    assert (found[:, 5] == -np.inf).all()
    assert found[0, 1] == found[0, 2] == 0
    assert np.isfinite(k_reciprocal(database[:3], database[:3], np.arange(3))).all()


def test_blocks_do_not_show(monkeypatch):
    database = collection(3, 40)
    whole = k_reciprocal(database[:9], database, np.arange(9), k1=8, k2=3)
    for name in ("BLOCK_ROWS", "BLOCK_PAIRS"):
        monkeypatch.setattr(module, name, 1)
    monkeypatch.setattr(knn, "BLOCK_BYTES", 1)
    np.testing.assert_array_equal(k_reciprocal(database[:9], database, np.arange(9), k1=8, k2=3), whole)
