"""Vector files by row groups and whole: the same vectors."""

from __future__ import annotations

import errno
import os

import numpy as np
import pyarrow as pa
import pytest

import strata.descriptors.vector_blocks as vector_blocks
from strata.base.errors import StrataError
from strata.descriptors.vectors import Vectors, read_vectors, write_vectors
from strata.maps.features import ROWS_SCHEMA


def rows_of(n):
    entries = [{"row": row, "kind": "image", "image_id": f"p{row}", "query_id": None} for row in range(n)]
    return pa.Table.from_pylist(entries, schema=ROWS_SCHEMA)


def test_blocks_write_the_same_bytes_as_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("strata.base.files.ROWS_PER_GROUP", 4)
    monkeypatch.setattr(vector_blocks, "ROWS_PER_GROUP", 4)
    monkeypatch.setattr(vector_blocks, "_ROWS_AT_ONCE", 3)
    values = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    write_vectors(tmp_path / "whole.parquet", Vectors(rows_of(10), values))
    blocks = (values[start:stop] for start, stop in vector_blocks.row_groups(10))
    vector_blocks.write_vector_blocks(tmp_path / "blocks.parquet", rows_of(10), 3, blocks)
    assert (tmp_path / "blocks.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    np.testing.assert_array_equal(read_vectors(tmp_path / "blocks.parquet").values, values)
    read = list(vector_blocks.vector_blocks(tmp_path / "blocks.parquet"))
    assert [len(block) for block in read] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(read), values)
    assert vector_blocks.vector_width(tmp_path / "blocks.parquet") == 3
    assert vector_blocks.read_vector_rows(tmp_path / "blocks.parquet").equals(rows_of(10))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StrataError, match=r"a\.parquet: no such file"):
        vector_blocks.vector_width(tmp_path / "a.parquet")


def test_what_is_not_held_is_mapped_and_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(vector_blocks, "_ROWS_AT_ONCE", 3)
    values = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    write_vectors(tmp_path / "a.parquet", Vectors(rows_of(10), values))
    monkeypatch.setattr(vector_blocks, "HELD_BYTES", 119)
    mapped = vector_blocks.all_vectors(tmp_path / "a.parquet")
    np.testing.assert_array_equal(mapped, values)
    assert not mapped.flags.writeable
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_vectors(tmp_path / "a.parquet", Vectors(rows_of(10), np.ones((10, 3), np.float32)))
    monkeypatch.setattr(vector_blocks, "HELD_BYTES", 0)
    monkeypatch.setattr(vector_blocks.tempfile, "TemporaryFile", full)
    with pytest.raises(StrataError, match="the disk is full"):
        vector_blocks.all_vectors(tmp_path / "a.parquet")
