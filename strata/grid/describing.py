"""A cell's vectors, as ``pool`` and ``reduce`` make them, and the regions that boxes are matched with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.descriptors.pooling import Floats
from strata.descriptors.reduction import Pca, fit_pca, project
from strata.descriptors.transforms import describe_rows, fit_transform, spread
from strata.descriptors.vectors import row_groups
from strata.maps.stored_layers import StoredLayer
from strata.settings.params import Pooling, PoolParams, ReduceParams

FITTED = (
    10_000  # vectors that a whitening or a PCA of the grid is fitted on, evenly spread, where there are more
)


@dataclass(frozen=True)
class Described:
    """``full``: (M, D) float32, one vector a row; ``reduced``: (M, K) their PCA."""

    full: Floats
    reduced: Floats


def use_rows(layer: StoredLayer, used: npt.NDArray[np.bool_]) -> StoredLayer:
    """The layer with the rows that are used alone; nothing is copied when all are."""
    if used.all():
        return layer
    rows = np.flatnonzero(used)
    return StoredLayer(layer.info, {name: array[rows] for name, array in layer.arrays.items()})


def describe(
    layer: StoredLayer,
    ranked: npt.NDArray[np.bool_],
    pooling: Pooling,
    params: PoolParams,
    reduce: ReduceParams,
) -> Described:
    """Pool a layer and reduce the vectors; fits see the rows where ``ranked`` (N,), the first of the M rows.

    Where no more than ``FITTED`` vectors are there to be fitted on, the results are those of ``pool`` and
    ``reduce``.
    """
    n_rows = len(next(iter(layer.arrays.values())))
    database = np.zeros(n_rows, np.bool_)
    database[: len(ranked)] = ranked
    transform = fit_transform(layer, database, pooling, params, sample=FITTED)
    groups = [
        describe_rows(layer, start, stop, pooling, params, transform) for start, stop in row_groups(n_rows)
    ]
    full = np.concatenate(groups)
    pca = _pca(full, spread(np.flatnonzero(database), FITTED), reduce.components)
    return Described(full, project(full, pca, whiten=reduce.whiten))


def _pca(vectors: Floats, rows: npt.NDArray[np.int64], components: int) -> Pca:
    return fit_pca(lambda: [vectors[rows]], components)
