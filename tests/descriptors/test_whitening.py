"""A whitening is stored without pickle and refused where it does not belong."""

from __future__ import annotations

import numpy as np
import pytest

from strata.base.errors import StrataError
from strata.descriptors.whitening import (
    apply_whitening,
    check_whitening,
    fit_supervised_whitening,
    fit_whitening,
    read_whitening,
    write_whitening,
)


def fitted(rows):
    return fit_whitening(lambda: iter([rows]), fit_set="here", unit="regions", centered=False)


def test_the_projection_is_the_inverse_root_of_the_covariance():
    random = np.random.default_rng(0)
    rows = (random.normal(size=(400, 5)) @ random.normal(size=(5, 5))).astype(np.float32)
    whitening = fitted(rows)
    covariance = np.cov(rows.T.astype(np.float64))
    np.testing.assert_allclose(
        whitening.projection @ covariance @ whitening.projection.T, np.eye(5), atol=1e-4
    )
    np.testing.assert_allclose(apply_whitening(rows, whitening).mean(axis=0), 0, atol=1e-4)


def test_directions_without_variance_are_cut_off():
    rows = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    rows[:, 3] = rows[:, 0]
    assert fitted(rows).projection.shape == (3, 4)
    assert fitted(rows[:3]).projection.shape == (2, 4)


def test_a_written_whitening_is_read_back(tmp_path):
    whitening = fitted(np.random.default_rng(2).normal(size=(9, 3)).astype(np.float32))
    write_whitening(tmp_path / "a.npz", whitening)
    back = read_whitening(tmp_path / "a.npz")
    np.testing.assert_array_equal(back.projection, whitening.projection)
    np.testing.assert_array_equal(back.mean, whitening.mean)
    assert (back.fit_set, back.n, back.unit, back.centered) == ("here", 9, "regions", False)


def test_a_missing_or_foreign_file_is_named(tmp_path):
    with pytest.raises(StrataError, match=r"a\.npz: no such file"):
        read_whitening(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_text("nonsense")
    with pytest.raises(StrataError, match=r"b\.npz: not a whitening"):
        read_whitening(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", mean=np.zeros(3))
    with pytest.raises(StrataError, match=r"c\.npz: not a whitening"):
        read_whitening(tmp_path / "c.npz")
    np.save(tmp_path / "d.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(StrataError, match=r"d\.npy: not a whitening"):
        read_whitening(tmp_path / "d.npy")


def test_a_whitening_of_another_kind_is_refused():
    whitening = fitted(np.random.default_rng(3).normal(size=(9, 3)).astype(np.float32))
    check_whitening(whitening, "w", dimensions=3, unit="regions", centered=False)
    with pytest.raises(StrataError, match="w: made for vectors of 3 dimensions, this layer has 4"):
        check_whitening(whitening, "w", dimensions=4, unit="regions", centered=False)
    with pytest.raises(StrataError, match=r"fitted on regions .* this run has descriptors"):
        check_whitening(whitening, "w", dimensions=3, unit="descriptors", centered=False)
    with pytest.raises(StrataError, match=r"pool\.center=true"):
        check_whitening(whitening, "w", dimensions=3, unit="regions", centered=True)


def supervised(rows, pairs):
    return fit_supervised_whitening(rows, pairs, fit_set="here", unit="descriptors", centered=False)


def reference_whitenlearn(rows, pairs):
    """``whitenlearn`` of cnnimageretrieval-pytorch, step by step: Cholesky, then the main directions."""
    columns = rows.T.astype(np.float64)
    mean = columns[:, pairs[:, 0]].mean(axis=1, keepdims=True)
    differences = columns[:, pairs[:, 0]] - columns[:, pairs[:, 1]]
    inverse = np.linalg.inv(np.linalg.cholesky(differences @ differences.T / len(pairs)))
    moved = inverse @ (columns - mean)
    values, vectors = np.linalg.eigh(moved @ moved.T)
    return mean[:, 0], vectors[:, values.argsort()[::-1]].T @ inverse


def pairs_of(n):
    return np.arange(n - n % 2).reshape(-1, 2)


def test_the_supervised_whitening_is_the_reference_programs_but_for_signs():
    rows = np.random.default_rng(4).normal(size=(60, 5)).astype(np.float32)
    whitening = supervised(rows, pairs_of(60))
    mean, projection = reference_whitenlearn(rows, pairs_of(60))
    np.testing.assert_allclose(whitening.mean, mean, atol=1e-6)
    np.testing.assert_allclose(np.abs(whitening.projection), np.abs(projection), rtol=1e-4, atol=1e-5)
    assert (whitening.n, whitening.projection.shape) == (30, (5, 5))


def test_what_differs_within_pairs_alone_is_shrunk():
    random = np.random.default_rng(5)
    picture = np.repeat(
        random.normal(size=(50, 1)), 2, axis=0
    )  # column 0: what is shown; column 1: the light
    rows = np.hstack(
        [picture + random.normal(scale=0.05, size=(100, 1)), random.normal(scale=3, size=(100, 1))]
    )
    whitening = supervised(rows.astype(np.float32), pairs_of(100))
    moved = apply_whitening(rows.astype(np.float32), whitening)
    within = moved[::2] - moved[1::2]
    np.testing.assert_allclose(within.T @ within / 50, np.eye(2), atol=1e-4)
    assert abs(np.corrcoef(moved[:, 0], picture[:, 0])[0, 1]) > 0.99


def test_directions_in_which_no_pair_differs_are_cut_off():
    rows = np.random.default_rng(6).normal(size=(40, 4)).astype(np.float32)
    rows[1::2, 3] = rows[::2, 3]
    assert supervised(rows, pairs_of(40)).projection.shape == (3, 4)
    with pytest.raises(StrataError, match="matching pairs that differ"):
        supervised(np.ones((4, 3), np.float32), pairs_of(4))
