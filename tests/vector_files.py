"""Vector files of made-up vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from strata.descriptors.vectors import row_groups, write_vector_blocks


def write_vectors(path: Path, rows: pa.Table, values: np.ndarray) -> None:
    """Write the vectors ``values`` (N, D) of ``rows``."""
    blocks = (values[start:stop] for start, stop in row_groups(len(values)))
    write_vector_blocks(path, rows, values.shape[1], blocks)
