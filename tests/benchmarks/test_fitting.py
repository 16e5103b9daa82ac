"""The benchmark of PCA and KMeans runs on tiny inputs, small ones by the code for large ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import fitting
from benchmarks.settings import Settings


@pytest.fixture(autouse=True)
def as_large(monkeypatch):
    monkeypatch.setattr("strata.grouping.clustering.ALL_ROWS", 100)
    monkeypatch.setattr("strata.descriptors.reduction.DOUBLE_ROWS", 100)
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


def write_vectors(path, values):
    flat = pa.array(np.ascontiguousarray(values, np.float32).reshape(-1))
    column = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    pq.write_table(pa.table({"vector": column}), path)
    return path


@pytest.fixture
def reduced(tmp_path):
    return np.array(fitting.vectors(fitting.Size(300, 10), tmp_path))


def test_signs_of_components_are_no_difference(tmp_path, reduced):
    ours = write_vectors(tmp_path / "ours.parquet", reduced)
    fitting._check_same_rows(ours, write_vectors(tmp_path / "theirs.parquet", -reduced))


@pytest.mark.parametrize("wrong", [lambda rows: rows[::-1], lambda rows: rows[:-1], lambda rows: 1.01 * rows])
def test_other_rows_file_to_file_are_no_comparison(tmp_path, reduced, wrong):
    ours = write_vectors(tmp_path / "ours.parquet", reduced)
    with pytest.raises(RuntimeError, match="reduced vectors differ"):
        fitting._check_same_rows(ours, write_vectors(tmp_path / "theirs.parquet", wrong(reduced)))


def test_files_are_compared_before_they_are_timed(tmp_path, monkeypatch):
    def differ(ours, theirs):
        assert ours.is_file()
        assert theirs.is_file()
        raise RuntimeError("compared")

    monkeypatch.setattr(fitting, "_check_same_rows", differ)
    with pytest.raises(RuntimeError, match="compared"):
        fitting._files(fitting.SMALL, tmp_path, 1)
