"""PCA against scikit-learn's, block by block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

import strata.base.threads
import strata.descriptors.reduction
from strata.base.errors import StrataError
from strata.descriptors.reduction import fit_large_pca, fit_pca, project, usable_components


def blocks_of(rows, size):
    return lambda: (rows[start : start + size] for start in range(0, len(rows), size))


@given(st.integers(3, 40), st.integers(1, 20), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_pca_equals_scikit_learns(n, dimensions, size, seed):
    rows = np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32)
    keep = usable_components(7, n, dimensions)
    ours = fit_pca(blocks_of(rows, size), 7)
    theirs = PCA(keep, svd_solver="full").fit(rows.astype(np.float64))
    np.testing.assert_allclose(ours.mean, theirs.mean_, atol=1e-6)
    np.testing.assert_allclose(ours.explained_variance, theirs.explained_variance_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.explained_variance_ratio, theirs.explained_variance_ratio_, atol=1e-8)
    same = np.abs(np.einsum("kd,kd->k", ours.components, theirs.components_))
    np.testing.assert_allclose(same, 1, atol=1e-4)


@given(st.integers(30, 200), st.integers(2, 20), st.integers(1, 90), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_one_pass_gives_the_same_pca(n, dimensions, size, seed):
    random = np.random.default_rng(seed)
    rows = (random.normal(size=(n, dimensions)) * np.arange(1, dimensions + 1) + 3).astype(np.float32)
    exact, once = fit_pca(blocks_of(rows, size), 2), fit_large_pca(blocks_of(rows, size), 2)
    np.testing.assert_allclose(once.mean, exact.mean, atol=1e-4)
    np.testing.assert_allclose(once.explained_variance, exact.explained_variance, rtol=1e-4)
    np.testing.assert_allclose(once.explained_variance_ratio, exact.explained_variance_ratio, atol=1e-5)
    np.testing.assert_allclose(once.components @ once.components.T, np.eye(2), atol=1e-6)


def test_the_number_of_threads_changes_no_bit_of_a_large_pca(monkeypatch):
    rows = np.random.default_rng(2).normal(size=(900, 6)).astype(np.float32)
    monkeypatch.setattr(strata.descriptors.reduction, "STEP_ROWS", 50)
    found = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(strata.base.threads, "cores", lambda cores=cores: cores)
        found.append(fit_large_pca(blocks_of(rows, 300), 4).components.tobytes())
    assert found[0] == found[1] == found[2]


def test_a_large_pca_of_equal_rows_has_no_variance():
    pca = fit_large_pca(blocks_of(np.ones((40, 3), np.float32), 16), 2)
    np.testing.assert_array_equal(pca.explained_variance_ratio, 0)
    np.testing.assert_allclose(pca.mean, 1)


def test_signs_do_not_depend_on_the_solver():
    rows = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    components = fit_pca(blocks_of(rows, 30)).components
    largest = components[np.arange(6), np.abs(components).argmax(axis=1)]
    assert (largest > 0).all()


def test_whitened_coordinates_have_unit_variance():
    rows = np.random.default_rng(1).normal(size=(80, 5)).astype(np.float32) * [1, 2, 3, 4, 5]
    pca = fit_pca(blocks_of(rows.astype(np.float32), 16), 3)
    np.testing.assert_allclose(project(rows, pca, whiten=True).var(axis=0, ddof=1), 1, rtol=1e-4)
    np.testing.assert_allclose(
        project(rows, pca, whiten=False).var(axis=0, ddof=1), pca.explained_variance, rtol=1e-4
    )


def test_a_direction_without_variance_is_zero_when_whitened():
    rows = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)[:, :2]
    rows = np.concatenate([rows, rows[:, :1]], axis=1)
    found = project(rows, fit_pca(blocks_of(rows, 5)), whiten=True)
    np.testing.assert_array_equal(found[:, 2], 0)
    assert np.isfinite(found).all()


def test_components_are_clipped_by_rows_and_dimensions():
    assert usable_components(100, 30, 64) == 29
    assert usable_components(100, 3000, 64) == 64
    assert usable_components(10, 3000, 64) == 10


def test_one_picture_has_no_components():
    with pytest.raises(StrataError, match="at least two pictures, not 1"):
        fit_pca(lambda: iter([np.zeros((1, 3), np.float32)]))
