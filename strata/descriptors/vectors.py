"""Descriptor files: one vector a row, as Parquet with a fixed-size list of float32.

Columns: row (int32), kind, image_id, query_id, all as in ``rows.parquet``, and vector. Rows stand in the
order of ``rows.parquet``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.descriptors.vector_blocks import all_vectors, read_vector_rows, row_groups, write_vector_blocks


@dataclass(frozen=True)
class Vectors:
    """``rows``: a table with ROWS_SCHEMA's columns; ``values``: (N, D) float32."""

    rows: pa.Table
    values: npt.NDArray[np.float32]


def write_vectors(path: Path, vectors: Vectors) -> None:
    """Write one layer's vectors."""
    values = vectors.values
    blocks = (values[start:stop] for start, stop in row_groups(len(values)))
    write_vector_blocks(path, vectors.rows, values.shape[1], blocks)


def read_vectors(path: Path) -> Vectors:
    """Read one layer's vectors as one (N, D) float32 array."""
    return Vectors(read_vector_rows(path), all_vectors(path))
