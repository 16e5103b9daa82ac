"""Diffusion against a dense solution of the published system."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.retrieval import diffusion as module
from strata.retrieval.diffusion import diffusion
from strata.retrieval.knn import NO_ROW
from tests.retrieval.neighbourhoods import collection, seeds, slow_nearest


def slow_diffusion(query, database, own, k, k_query, alpha, gamma):
    """(1 - alpha) (I - alpha S)^-1 y, every matrix dense (Iscen et al. 2017)."""
    n = len(database)
    lists = [dict(zip(*slow_nearest(database[i], database, {i}, k), strict=True)) for i in range(n)]
    affinity = np.zeros((n, n))
    for i in range(n):
        for j in lists[i]:
            if i in lists[j]:
                affinity[i, j] = max(lists[i][j], 0) ** gamma
    degrees = affinity.sum(axis=1)
    roots = np.array([degree**-0.5 if degree else 0.0 for degree in degrees])
    source = np.zeros(n)
    for place, cosine in zip(*slow_nearest(query, database, {own}, k_query), strict=True):
        source[place] = max(cosine, 0) ** gamma
    return (1 - alpha) * np.linalg.solve(np.eye(n) - alpha * roots[:, None] * affinity * roots, source)


@given(seeds, st.integers(1, 10), st.integers(1, 5), st.sampled_from([0.5, 0.99]))
@settings(max_examples=25, deadline=None)
def test_conjugate_gradients_solve_the_published_system(seed, k, k_query, alpha):
    database, queries = collection(seed, 20), collection(seed + 1, 3)
    queries[1] = database[7]
    own = np.array([NO_ROW, 7, NO_ROW])
    found = diffusion(queries, database, own, k=k, k_query=k_query, alpha=alpha)
    for row in range(3):
        expected = slow_diffusion(queries[row], database, own[row], k, k_query, alpha, 3)
        np.testing.assert_allclose(found[row], expected, atol=1e-6)


def test_a_chain_is_followed_to_its_end():
    angles = np.radians([0, 30, 60, 90, 180])
    database = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = diffusion(database[:1], database, np.array([0]), k=2, k_query=1)[0]
    assert found[3] > 0  # at a right angle to the query
    assert found[4] == 0  # beyond every link


def test_rows_do_not_depend_on_each_other(monkeypatch):
    database = collection(3, 50)
    whole = diffusion(database[:9], database, np.arange(9))
    np.testing.assert_array_equal(diffusion(database[5:6], database, np.array([5]))[0], whole[5])
    monkeypatch.setattr(module, "BLOCK_BYTES", 1)
    np.testing.assert_array_equal(diffusion(database[:9], database, np.arange(9)), whole)


def test_a_zero_vector_is_not_ranked():
    database = collection(4, 12)
    database[2] = 0
    found = diffusion(database[:4], database, np.arange(4), k=3)
    assert (found[2] == -np.inf).all()
    assert (found[:, 2] == -np.inf).all()
    assert np.isfinite(np.delete(found[[0, 1, 3]], 2, axis=1)).all()
