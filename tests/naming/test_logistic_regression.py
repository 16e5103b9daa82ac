"""Logistic regression: scikit-learn's optimum, whatever the classes, the scale and the start."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from strata.naming.logistic_regression import fit_splits


def data(n, dimensions, classes, spread, seed=0):
    random = np.random.default_rng(seed)
    codes = np.arange(n) % classes
    centres = random.normal(size=(classes, dimensions))
    centres += random.normal(size=dimensions)
    return centres[codes] + spread * random.normal(size=(n, dimensions)), codes


def halves(n, count=2):
    random = np.random.default_rng(5)
    return [np.sort(random.permutation(n)[: n // 2]) for _ in range(count)]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 6),
    st.integers(1, 12),
    st.sampled_from([0.05, 1.0, 5.0]),
    st.sampled_from([0.01, 0.316, 30.0]),
)
def test_the_optimum_is_scikit_learns(classes, dimensions, spread, c):
    rows, codes = data(120, dimensions, classes, spread)
    for train, model in zip(halves(120), fit_splits(rows, codes, halves(120), c), strict=True):
        theirs = LogisticRegression(C=c, tol=1e-10, max_iter=20_000).fit(rows[train], codes[train])
        ours = rows @ model.weights + model.intercept
        ours = np.exp(ours - ours.max(axis=1, keepdims=True))
        np.testing.assert_allclose(
            ours / ours.sum(axis=1, keepdims=True), theirs.predict_proba(rows), atol=2e-5
        )
        assert model.converged


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_the_gradient_of_scikit_learns_objective_is_below_its_tolerance(classes):
    rows, codes = data(200, 20, classes, 2.0)
    train = np.arange(150)
    (model,) = fit_splits(rows, codes, [train], 0.316)
    logits = rows[train] @ model.weights + model.intercept
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    rest = chances / chances.sum(axis=1, keepdims=True) - np.eye(classes)[codes[train]]
    penalty = (2 if classes == 2 else 1) * model.weights / (0.316 * 150)
    assert np.abs(rows[train].T @ rest / 150 + penalty).max() < 1.1e-8
    assert np.abs(rest.mean(axis=0)).max() < 1.1e-8


def test_a_class_that_a_split_does_not_show_is_never_named():
    rows, codes = data(90, 5, 3, 1.0)
    train = np.flatnonzero(codes != 1)
    (model,) = fit_splits(rows, codes, [train], 1.0)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit(rows[train], codes[train])
    assert model.classes.tolist() == [0, 2]
    np.testing.assert_array_equal(model.predict(rows), theirs.predict(rows))


def test_the_number_of_cores_changes_no_bit(monkeypatch):
    rows, codes = data(300, 30, 4, 2.0)
    found = []
    for cores in (1, 3):
        monkeypatch.setattr("strata.base.threads.cores", lambda cores=cores: cores)
        found.append([model.weights for model in fit_splits(rows, codes, halves(300, 5), 0.316)])
    np.testing.assert_array_equal(*found)


def test_equal_rows_are_no_error():
    (model,) = fit_splits(np.ones((20, 3)), np.arange(20) % 2, [np.arange(15)], 1.0)
    assert model.converged
    assert model.predict(np.ones((2, 3))).tolist() == [0, 0]  # eight of fifteen


@pytest.mark.slow
def test_thousands_of_pictures_are_named_as_scikit_learn_names_them():
    rows, codes = data(4_000, 128, 20, 6.0)
    rows *= np.sqrt(128) / np.linalg.norm(rows, axis=1, keepdims=True)
    train, test = np.arange(3000), np.arange(3000, 4000)
    (model,) = fit_splits(rows, codes, [train], 0.316)
    theirs = LogisticRegression(C=0.316, tol=1e-8, max_iter=10_000).fit(rows[train], codes[train])
    np.testing.assert_array_equal(model.predict(rows[test]), theirs.predict(rows[test]))
