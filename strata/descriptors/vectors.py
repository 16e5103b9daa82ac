"""Descriptor files: one vector a row, as Parquet with a fixed-size list of float32.

Columns: row (int32), kind, image_id, query_id, all as in ``rows.parquet``, and vector. Rows stand in the
order of ``rows.parquet``. Files are read and written a row group at a time: a million rows never stand in
memory at once.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from strata.base.checksums import check_file
from strata.base.errors import StrataError
from strata.base.files import ROWS_PER_GROUP, atomic, full_disk_reported, read_table
from strata.maps.features import ROWS_SCHEMA

Floats = npt.NDArray[np.float32]

HELD_BYTES = 1 << 29  # more is mapped
ROWS_AT_ONCE = 4096  # while reading: a group of wide vectors is 100 MiB and more


@dataclass(frozen=True)
class Vectors:
    """``rows``: a table with ROWS_SCHEMA's columns; ``values``: (N, D) float32."""

    rows: pa.Table
    values: Floats


def row_groups(n_rows: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of every row group of a file of ``n_rows`` rows."""
    for start in range(0, n_rows, ROWS_PER_GROUP):
        yield start, min(start + ROWS_PER_GROUP, n_rows)


def write_vector_blocks(path: Path, rows: pa.Table, width: int, blocks: Iterable[Floats]) -> None:
    """Write the vectors of ``rows`` (ROWS_SCHEMA); ``blocks`` (n, width) are one a row group."""
    schema = rows.schema.append(pa.field("vector", pa.list_(pa.float32(), width)))
    with atomic(path) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for (start, stop), values in zip(row_groups(rows.num_rows), blocks, strict=True):
            flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).reshape(-1))
            column = pa.FixedSizeListArray.from_arrays(flat, width)
            block = rows.slice(start, stop - start).append_column(schema.field("vector"), column)
            writer.write_table(block.combine_chunks(), row_group_size=ROWS_PER_GROUP)


def read_vector_rows(path: Path) -> pa.Table:
    """The rows (ROWS_SCHEMA) of a vector file without its vectors."""
    return read_table(path, columns=ROWS_SCHEMA.names)


def vector_width(path: Path) -> int:
    """The dimension of a vector file's vectors, from its footer alone."""
    with _open(path) as file:
        return int(file.schema_arrow.field("vector").type.list_size)


def vector_blocks(path: Path) -> Iterator[Floats]:
    """The vectors in row order, a row group at a time: (at most ROWS_PER_GROUP, D) float32."""
    width = vector_width(path)
    with _open(path) as file:
        for group in range(file.num_row_groups):
            block = np.empty((file.metadata.row_group(group).num_rows, width), np.float32)
            _fill(block, _pieces(file, [group]))
            yield block


def read_vectors(path: Path) -> Vectors:
    """One layer's rows, and their vectors as one (N, D) array.

    More than HELD_BYTES are not held: they are laid out in a nameless file beside ``path`` and mapped
    (read-only), so the system may drop their pages. StrataError when the disk is full.
    """
    width = vector_width(path)
    with _open(path) as file:
        rows = read_vector_rows(path)
        shape, pieces = (file.metadata.num_rows, width), _pieces(file, list(range(file.num_row_groups)))
        if 4 * shape[0] * width > HELD_BYTES:
            return Vectors(rows, _mapped(path.parent, shape, pieces))
        values = np.empty(shape, np.float32)
        _fill(values, pieces)
    return Vectors(rows, values)


def _pieces(file: pq.ParquetFile, groups: list[int]) -> Iterator[npt.NDArray[np.float32]]:
    """The numbers of ``groups``, a few rows at a time: Arrow's own copies stay small."""
    for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=groups, columns=["vector"], use_threads=False):
        yield batch.column(0).flatten().to_numpy()


def _fill(values: Floats, pieces: Iterable[npt.NDArray[np.float32]]) -> None:
    flat, start = values.reshape(-1), 0
    for piece in pieces:
        flat[start : start + len(piece)] = piece
        start += len(piece)


def _mapped(folder: Path, shape: tuple[int, int], pieces: Iterable[npt.NDArray[np.float32]]) -> Floats:
    with full_disk_reported(folder), tempfile.TemporaryFile(dir=folder) as laid_out:
        for piece in pieces:
            laid_out.write(piece.data)
        laid_out.flush()
        pages = mmap.mmap(laid_out.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(pages, np.float32).reshape(shape)


def _open(path: Path) -> pq.ParquetFile:
    if not path.is_file():
        raise StrataError(f"{path}: no such file; run `dvc repro` to make it")
    check_file(path)
    # neither mapped nor read ahead: both would hold the whole file
    return pq.ParquetFile(path, memory_map=False, pre_buffer=False)
