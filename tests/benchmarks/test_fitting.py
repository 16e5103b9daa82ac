"""The benchmark of PCA and KMeans runs on tiny inputs, small ones by the code for large ones."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import fitting
from benchmarks.settings import Settings


@pytest.fixture(autouse=True)
def as_large(monkeypatch):
    monkeypatch.setattr("strata.clustering.ALL_ROWS", 100)
    monkeypatch.setattr("strata.reduction.DOUBLE_ROWS", 100)
    monkeypatch.setattr(fitting, "SAME_INERTIA", 1.2)  # twenty clusters of a few rows: chance is large


def test_it_runs(tmp_path):
    result = fitting.run(Settings(1, True, tmp_path, None))
    cases = [row.case.split(",")[0] for row in result.rows]
    assert cases.count("PCA") == 3
    assert cases.count("KMeans") == 3
    measured = [row for row in result.rows if row.ratio is not None]
    assert len(measured) >= 4
    assert all(row.ratio > 0 for row in measured)


def test_vectors_are_made_once_and_have_unit_length(tmp_path):
    first = np.array(fitting.vectors(fitting.SMALL, tmp_path))
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(fitting.vectors(fitting.SMALL, tmp_path), first)
