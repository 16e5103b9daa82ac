"""Descriptor files: one vector a row, as Parquet with a fixed-size list of float32.

Columns: row (int32), kind (image | query), image_id, query_id (null for images), vector. Rows stand in the
order of ``rows.parquet``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.features import ROWS_SCHEMA
from strata.files import read_table, write_table


@dataclass(frozen=True)
class Vectors:
    """``rows``: a table with ROWS_SCHEMA's columns; ``values``: (N, D) float32."""

    rows: pa.Table
    values: npt.NDArray[np.float32]


def write_vectors(path: Path, vectors: Vectors) -> None:
    """Write one layer's vectors."""
    values = np.ascontiguousarray(vectors.values, dtype=np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
    write_table(path, vectors.rows.append_column("vector", column))


def read_vectors(path: Path) -> Vectors:
    """Read one layer's vectors as one (N, D) float32 array."""
    table = read_table(path)
    width = table.schema.field("vector").type.list_size
    chunks = [chunk.flatten().to_numpy().reshape(-1, width) for chunk in table["vector"].chunks]
    values = np.concatenate(chunks) if chunks else np.zeros((0, width), np.float32)
    return Vectors(table.select(ROWS_SCHEMA.names), values)
