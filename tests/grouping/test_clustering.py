"""Cluster numbers, distances and the number of clusters."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from strata.base.errors import StrataError
from strata.grouping.clustering import choose_k, fit_clusters


def blobs(sizes, seed=0):
    random = np.random.default_rng(seed)
    centres = 50 * random.normal(size=(len(sizes), 4))
    values = np.concatenate([random.normal(c, 1, size=(n, 4)) for c, n in zip(centres, sizes, strict=True)])
    return values.astype(np.float32), np.repeat(np.arange(len(sizes)), sizes)


def test_separate_groups_are_found_and_numbered_by_size():
    values, truth = blobs([10, 40, 25])
    clusters = fit_clusters(values, 3, seed=1, restarts=5)
    assert clusters.sizes.tolist() == [40, 25, 10]
    np.testing.assert_array_equal(clusters.labels, np.array([2, 0, 1])[truth])


@pytest.mark.parametrize("seed", range(5))
def test_numbers_do_not_depend_on_the_seed_when_the_groups_are_clear(seed):
    values, truth = blobs([20, 20, 20])
    np.testing.assert_array_equal(fit_clusters(values, 3, seed=seed, restarts=5).labels, truth)


def test_distances_are_to_the_own_centroid_which_is_the_mean():
    values, _ = blobs([12, 9])
    clusters = fit_clusters(values, 2, seed=0, restarts=2)
    for number in range(2):
        own = values[clusters.labels == number]
        np.testing.assert_allclose(clusters.centroids[number], own.mean(axis=0), rtol=1e-4, atol=1e-4)
    loop = [
        np.sqrt(((v - clusters.centroids[k]) ** 2).sum())
        for v, k in zip(values, clusters.labels, strict=True)
    ]
    np.testing.assert_allclose(clusters.distances, loop, rtol=1e-4)


def test_fewer_pictures_than_clusters_are_refused():
    with pytest.raises(StrataError, match=r"3 pictures cannot make 5 clusters; lower cluster\.k"):
        fit_clusters(np.zeros((3, 2), np.float32), 5, seed=0, restarts=1)


def test_equal_pictures_leave_clusters_empty_without_a_warning():
    values = np.repeat(np.array([[0, 0], [9, 9]], np.float32), 5, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clusters = fit_clusters(values, 4, seed=0, restarts=2)
    assert clusters.sizes.tolist() == [5, 5, 0, 0]


def test_k_is_the_parameter_then_the_data_sets_then_the_number_of_classes():
    assert choose_k(3, 10, 4, 100) == 3
    assert choose_k(None, 10, 4, 100) == 10
    assert choose_k(None, None, 4, 100) == 4


def test_without_labels_the_rule_of_thumb_grows_with_the_collection():
    assert choose_k(None, None, 0, 3) == 2
    assert choose_k(None, None, 0, 200) == 10
    assert choose_k(None, None, 0, 20_000) == 100


def test_classes_of_single_pictures_leave_two_pictures_a_cluster():
    assert choose_k(None, None, 100, 100) == 50
    assert choose_k(None, None, 3, 3) == 2
    assert choose_k(100, None, 100, 100) == 100  # asked for


def test_one_class_is_an_error_that_says_what_to_set():
    with pytest.raises(StrataError, match=r"only one class; set cluster\.k"):
        choose_k(None, None, 1, 100)
