"""Vector files: written by row groups, read by row groups and whole."""

from __future__ import annotations

import errno
import os

import numpy as np
import pyarrow as pa
import pytest

from strata.base.errors import StrataError
from strata.descriptors import vectors
from strata.maps.features import ROWS_SCHEMA
from tests.vector_files import write_vectors


def rows_of(n):
    entries = [{"row": row, "kind": "image", "image_id": f"p{row}", "query_id": None} for row in range(n)]
    return pa.Table.from_pylist(entries, schema=ROWS_SCHEMA)


def test_vectors_come_back_by_row_groups_and_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("strata.base.files.ROWS_PER_GROUP", 4)
    monkeypatch.setattr(vectors, "ROWS_PER_GROUP", 4)
    monkeypatch.setattr(vectors, "ROWS_AT_ONCE", 3)
    values = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    write_vectors(tmp_path / "a.parquet", rows_of(10), values)
    np.testing.assert_array_equal(vectors.read_vectors(tmp_path / "a.parquet").values, values)
    read = list(vectors.vector_blocks(tmp_path / "a.parquet"))
    assert [len(block) for block in read] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(read), values)
    assert vectors.vector_width(tmp_path / "a.parquet") == 3
    assert vectors.read_vector_rows(tmp_path / "a.parquet").equals(rows_of(10))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StrataError, match=r"a\.parquet: no such file"):
        vectors.vector_width(tmp_path / "a.parquet")


def test_what_is_not_held_is_mapped_and_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "ROWS_AT_ONCE", 3)
    values = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    write_vectors(tmp_path / "a.parquet", rows_of(10), values)
    monkeypatch.setattr(vectors, "HELD_BYTES", 119)
    mapped = vectors.read_vectors(tmp_path / "a.parquet").values
    np.testing.assert_array_equal(mapped, values)
    assert not mapped.flags.writeable
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_vectors(tmp_path / "a.parquet", rows_of(10), np.ones((10, 3), np.float32))
    monkeypatch.setattr(vectors, "HELD_BYTES", 0)
    monkeypatch.setattr(vectors.tempfile, "TemporaryFile", full)
    with pytest.raises(StrataError, match="the disk is full"):
        vectors.read_vectors(tmp_path / "a.parquet")
