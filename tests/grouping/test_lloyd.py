"""Lloyd's algorithm on a sample: against scikit-learn's, and the same bits on any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

import strata.base.threads
import strata.grouping.clustering
import strata.grouping.lloyd
from strata.grouping.clustering import fit_clusters, protocol
from strata.grouping.lloyd import fit_centres, fit_rows, nearest, start_rows


def groups(n=3000, k=12, dimensions=8, seed=0, spread=1.0):
    random = np.random.default_rng(seed)
    centres = 3 * random.normal(size=(k, dimensions))
    values = centres[np.arange(n) % k] + spread * random.normal(size=(n, dimensions))
    return (values - values.mean(axis=0)).astype(np.float32)


def inertia(values, centres):
    return float((nearest(values, centres)[1].astype(np.float64) ** 2).sum())


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(strata.grouping.lloyd, "PART_ROWS", 250)


def test_the_nearest_centre_equals_a_loop(small_parts):
    values = groups(n=700)
    centres = values[:9]
    labels, distances = nearest(values, centres)
    for value, label, distance in zip(values, labels, distances, strict=True):
        away = np.linalg.norm(centres - value, axis=1)
        assert away[label] == pytest.approx(away.min(), abs=1e-5)
        assert distance == pytest.approx(away[label], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_inertia_is_within_a_hundredth_of_scikit_learns(seed, small_parts):
    values = groups(spread=2.0, seed=seed)
    theirs = KMeans(12, n_init=10, random_state=seed).fit(values).inertia_
    assert inertia(values, fit_centres(values, 12, seed=seed, restarts=10)) < 1.01 * theirs


def test_more_starts_are_never_worse(small_parts):
    values = groups(spread=2.0)
    one, many = (fit_centres(values, 12, seed=5, restarts=restarts) for restarts in (1, 6))
    assert inertia(values, many) <= inertia(values, one)


def test_the_number_of_threads_changes_no_bit(monkeypatch, small_parts):
    values = groups()
    found = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(strata.base.threads, "cores", lambda cores=cores: cores)
        centres = fit_centres(values, 12, seed=3, restarts=2)
        found.append((centres.tobytes(), *(part.tobytes() for part in nearest(values, centres))))
    assert found[0] == found[1] == found[2]


def test_the_sample_grows_with_k_and_ends_at_all_rows():
    assert fit_rows(1_000_000, 10) == 50_000
    assert fit_rows(1_000_000, 1000) == 256_000
    assert fit_rows(100_000, 1000) == 100_000
    assert start_rows(1_000_000, 10) == 5_000
    assert start_rows(1_000_000, 1000) == 10_000


def test_a_sample_gives_nearly_what_all_rows_give(monkeypatch, small_parts):
    values = groups(n=6000, spread=2.0)
    everything = inertia(values, fit_centres(values, 12, seed=1, restarts=3))
    monkeypatch.setattr(strata.grouping.lloyd, "FEWEST_ROWS", 1500)
    monkeypatch.setattr(strata.grouping.lloyd, "ROWS_PER_CLUSTER", 100)
    assert inertia(values, fit_centres(values, 12, seed=1, restarts=3)) < 1.02 * everything


def test_equal_rows_leave_clusters_empty(small_parts):
    values = np.repeat(np.eye(3, dtype=np.float32), 400, axis=0)
    labels, distances = nearest(values, fit_centres(values, 5, seed=0, restarts=1))
    assert len(np.unique(labels)) == 3
    np.testing.assert_allclose(distances, 0, atol=1e-3)


def test_a_large_collection_is_clustered_on_a_sample_and_says_so(monkeypatch, small_parts):
    values = groups(spread=0.1)
    exact = fit_clusters(values, 12, seed=2, restarts=5)
    assert protocol(3000, 12, seed=2, restarts=5) == "k-means++, 5 starts, seed 2"
    monkeypatch.setattr(strata.grouping.clustering, "ALL_ROWS", 1000)
    monkeypatch.setattr(strata.grouping.lloyd, "FEWEST_ROWS", 2000)
    sampled = fit_clusters(values, 12, seed=2, restarts=5)
    np.testing.assert_array_equal(sampled.labels, exact.labels)
    np.testing.assert_allclose(sampled.centroids, exact.centroids, atol=0.1)
    np.testing.assert_allclose(sampled.distances, exact.distances, atol=0.1)
    assert protocol(3000, 12, seed=2, restarts=5) == (
        "k-means++, 5 starts, seed 2; fitted on 3000 of 3000 pictures, starts on 3000; all assigned"
    )
