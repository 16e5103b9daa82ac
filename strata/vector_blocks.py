"""Vector files read and written a row group at a time: a million rows never stand in memory at once.

``strata.vectors`` says what is in the files and reads and writes them whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from strata.errors import StrataError
from strata.features import ROWS_SCHEMA
from strata.files import ROWS_PER_GROUP, atomic, read_table

Floats = npt.NDArray[np.float32]

_ROWS_AT_ONCE = 4096  # while reading: a group of wide vectors is 100 MiB and more


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
            _fill(block, file, [group])
            yield block


def all_vectors(path: Path) -> Floats:
    """The vectors in row order as one (N, D) float32 array."""
    width = vector_width(path)
    with _open(path) as file:
        values = np.empty((file.metadata.num_rows, width), np.float32)
        _fill(values, file, list(range(file.num_row_groups)))
    return values


def _fill(values: Floats, file: pq.ParquetFile, groups: list[int]) -> None:
    """Read ``groups`` into ``values``, a few rows at a time: Arrow's own copies stay small."""
    start = 0
    for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=groups, columns=["vector"], use_threads=False):
        flat = batch.column(0).flatten().to_numpy()
        stop = start + len(flat) // values.shape[1]
        values[start:stop] = flat.reshape(-1, values.shape[1])
        start = stop


def _open(path: Path) -> pq.ParquetFile:
    if not path.is_file():
        raise StrataError(f"{path}: no such file; run `dvc repro` to make it")
    return pq.ParquetFile(path)  # not memory-mapped: pages of the file would count as this process's memory
