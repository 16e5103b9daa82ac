"""From cut-out cells to a template: how much each cell counts, and codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strata.dense.projection import Codes, Floats, Projection, encode, project


def encode_template(map_: npt.NDArray[np.float16], projection: Projection, focus: float) -> Codes:
    """A cut-out map -> (rows, columns, D) codes; a cell's are as long as its weight (``cell_weights``)."""
    rows, columns, _ = map_.shape
    weights = cell_weights(rows, columns, focus)[..., None]
    return encode(np.asarray(project(map_, projection) * weights, np.float32))


def cell_weights(rows: int, columns: int, focus: float) -> Floats:
    """(rows, columns) float32 in 0..1: exp(-focus * (x ** 2 + y ** 2)), x and y -1 to 1 across the box.

    What is drawn around fills its box in the middle; in the corners lies what happened to be behind it.
    """
    y, x = ((np.arange(count) + 0.5) / count * 2 - 1 for count in (rows, columns))
    return np.exp(-focus * (y[:, None] ** 2 + x[None] ** 2)).astype(np.float32)
