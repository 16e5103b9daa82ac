"""The nearest database vectors: a full sort gives the same, on any blocking, own picture left out."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.retrieval import knn
from strata.retrieval.knn import NO_ROW, cosines, nearest
from tests.retrieval.neighbourhoods import collection, seeds, slow_nearest


@given(seeds, st.integers(1, 30), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_neighbours_are_those_of_a_full_sort(seed, n, k):
    database = collection(seed, n)
    queries = collection(seed + 1, 4)
    own = np.array([NO_ROW, 0, n - 1, NO_ROW])
    found = nearest(queries, database, own, k)
    for row in range(4):
        places, scores = slow_nearest(queries[row], database, {own[row]}, k)
        np.testing.assert_array_equal(found.places[row, : len(places)], places)
        np.testing.assert_array_equal(found.scores[row, : len(places)], np.float32(scores))
        assert (found.scores[row, len(places) :] == -np.inf).all()
        assert found.lowest[row] == min(slow_nearest(queries[row], database, (), n)[1])


def test_copies_stand_in_order_of_place():
    database = np.repeat(collection(0, 3), 4, axis=0)
    found = nearest(database, database, np.arange(12), 3)
    assert found.places[:4].tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_the_zero_vector_is_nobodys_neighbour():
    database = collection(1, 5)
    database[2] = 0
    found = nearest(database, database, np.arange(5), 4)
    assert (found.scores[2] == -np.inf).all()
    assert all(2 not in found.places[row, :3] for row in (0, 1, 3, 4))
    assert (cosines(database, database)[:, 2] == -np.inf).all()


def test_blocks_do_not_show(monkeypatch):
    database, queries = collection(2, 40), collection(3, 7)
    own = np.full(7, NO_ROW)
    whole = nearest(queries, database, own, 9)
    monkeypatch.setattr(knn, "BLOCK_BYTES", 1)
    parts = nearest(queries, database, own, 9)
    np.testing.assert_array_equal(parts.places, whole.places)
    np.testing.assert_array_equal(parts.scores, whole.scores)
    np.testing.assert_array_equal(parts.lowest, whole.lowest)
