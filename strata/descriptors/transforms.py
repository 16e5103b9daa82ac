"""From pooled parts to descriptors: centring, normalisation, whitening and the sum, in row blocks.

A part is a region vector for ``rmac`` and ``rmac_global``, else the one pooled vector of a row. Each part has
the mean over the database subtracted (``pool.center``), is L2-normalised, whitened and normalised again
(``pool.whiten``); the parts are summed and the sum is L2-normalised (``pool.normalize`` is this last step
alone). Means and whitenings are fitted on database rows only, never on query crops. A row without any valid
position gets the zero vector.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.base.errors import StrataError
from strata.base.threads import one_blas_thread
from strata.descriptors.pooling import Floats, Rows, parts_per_row, pooled_parts, unit_of
from strata.descriptors.vectors import row_groups, write_vector_blocks
from strata.descriptors.whitening import (
    OWN_DATABASE,
    SAMPLE,
    Whitening,
    apply_whitening,
    check_whitening,
    fit_whitening,
    read_whitening,
    write_whitening,
)
from strata.maps.features import LayerInfo, database_rows
from strata.maps.stored_layers import StoredLayer
from strata.settings.params import Pooling, PoolParams

BLOCK_BYTES = 2 * 2**20  # of float32 parts, near the processor; a constant: another blocking rounds otherwise
NORM_FLOOR = 1e-12


@dataclass(frozen=True)
class Transform:
    """What parts go through: minus ``center`` (D,), L2, ``whitening``; None: that step is left out."""

    center: Floats | None
    whitening: Whitening | None

    def width(self, channels: int) -> int:
        """The descriptor's dimension."""
        return channels if self.whitening is None else len(self.whitening.projection)


def write_descriptors(
    folder: Path,
    layer: StoredLayer,
    rows: pa.Table,
    pooling: Pooling,
    params: PoolParams,
    given: Whitening | None,
) -> Transform:
    """Pool one layer into ``FOLDER/LAYER.parquet`` and its whitening into ``FOLDER/whitening/LAYER.npz``.

    ``rows`` is ``rows.parquet``; ``given`` the whitening ``params.whiten`` names.
    """
    transform = fit_transform(layer, database_rows(rows), pooling, params, given)
    blocks = (
        describe_rows(layer, start, stop, pooling, params, transform)
        for start, stop in row_groups(rows.num_rows)
    )
    path = folder / f"{layer.info.name}.parquet"
    write_vector_blocks(path, rows, transform.width(layer.info.channels), blocks)
    if transform.whitening is not None:
        write_whitening(folder / "whitening" / f"{layer.info.name}.npz", transform.whitening)
    return transform


def given_whitening(
    folder: Path, layer: StoredLayer, pooling: Pooling, params: PoolParams
) -> Whitening | None:
    """The whitening ``FOLDER/NAME/LAYER.npz`` that another collection's run exported; None: none is named."""
    if params.whiten in ("none", "self"):
        return None
    path = folder / params.whiten / f"{layer.info.name}.npz"
    whitening = read_whitening(path)
    unit = unit_of(layer.info, pooling)
    check_whitening(whitening, str(path), dimensions=layer.info.channels, unit=unit, centered=params.center)
    return whitening


def fit_transform(
    layer: StoredLayer,
    database: npt.NDArray[np.bool_],
    pooling: Pooling,
    params: PoolParams,
    given: Whitening | None = None,
    sample: int = SAMPLE,
) -> Transform:
    """Fit centring and whitening on the rows where ``database`` (N,) bool is true.

    A whitening of its own is fitted on at most ``sample`` parts, of evenly spread rows.
    """
    rows = np.flatnonzero(database)
    if not len(rows) and (params.center or params.whiten == "self"):
        raise StrataError("pool.center and pool.whiten=self need pictures in the database; all were rejected")
    center = _mean(_valid_parts(layer, rows, pooling, params.levels)) if params.center else None
    if params.whiten != "self":
        return Transform(center, given)
    fitted = spread(rows, sample // parts_per_row(layer.info, pooling, params.levels))

    def unit_vectors() -> Iterator[Floats]:
        for parts in _valid_parts(layer, fitted, pooling, params.levels):
            yield l2_normalised(parts if center is None else parts - center)

    unit = unit_of(layer.info, pooling)
    own = fit_whitening(unit_vectors, fit_set=OWN_DATABASE, unit=unit, centered=params.center)
    return Transform(center, own)


def describe_rows(
    layer: StoredLayer, start: int, stop: int, pooling: Pooling, params: PoolParams, transform: Transform
) -> Floats:
    """(stop - start, D) float32: the descriptors of the rows from ``start`` up to ``stop``."""
    regional = unit_of(layer.info, pooling) == "regions"
    result = np.empty((stop - start, transform.width(layer.info.channels)), np.float32)
    step = _block_rows(layer.info, pooling, params.levels)
    with one_blas_thread():
        for first in range(start, stop, step):
            last = min(first + step, stop)
            parts = pooled_parts(layer, slice(first, last), pooling, params.levels)
            parts = apply_transform(parts, transform, normalize=regional or params.normalize)
            total = _sum_of_valid(parts)
            result[first - start : last - start] = l2_normalised(total) if params.normalize else total
    return result


def apply_transform(parts: Floats, transform: Transform, *, normalize: bool) -> Floats:
    """(..., D) -> (..., D') float32: centre, L2 (always before a whitening), whiten, L2 if ``normalize``."""
    if transform.center is not None:
        parts = parts - transform.center
    if transform.whitening is not None:
        parts = apply_whitening(l2_normalised(parts), transform.whitening)
    return l2_normalised(parts) if normalize else parts


def l2_normalised(values: Floats) -> Floats:
    """Unit length along the last axis; a zero vector stays zero, NaN stays NaN."""
    norms = np.sqrt(np.einsum("...d,...d->...", values, values))[..., None]
    return np.asarray(values / np.maximum(norms, np.float32(NORM_FLOOR)), dtype=np.float32)


def _sum_of_valid(parts: Floats) -> Floats:
    """(n, parts, D) -> (n, D): the sum of the parts that are not NaN (in all channels or in none)."""
    if np.isnan(parts[..., 0]).any():
        parts = np.nan_to_num(parts)
    return np.asarray(parts.sum(axis=1) if parts.shape[1] > 1 else parts[:, 0])


def fit_set_label(params: PoolParams) -> str:
    """What the numbers behind these descriptors were fitted on, as a policy string for the metrics."""
    if params.whiten in ("none", "self"):
        return OWN_DATABASE if params.center or params.whiten == "self" else "none"
    return f"{params.whiten}, centred on the {OWN_DATABASE}" if params.center else params.whiten


def _valid_parts(layer: StoredLayer, rows: Rows, pooling: Pooling, levels: int) -> Iterator[Floats]:
    step = _block_rows(layer.info, pooling, levels)
    for start in range(0, len(rows), step):
        parts = pooled_parts(layer, rows[start : start + step], pooling, levels)
        flat = parts.reshape(-1, parts.shape[-1])
        yield flat[~np.isnan(flat[:, 0])]  # a part is NaN in all channels or in none


def _mean(blocks: Iterator[Floats]) -> Floats:
    total, count = np.zeros(1), 0
    for block in blocks:
        total = total + block.sum(axis=0, dtype=np.float64)
        count += len(block)
    return np.asarray(total / max(count, 1), dtype=np.float32)


def spread(rows: Rows, wanted: int) -> Rows:
    """At most ``wanted`` of ``rows``, evenly spread: the same ones on every run."""
    if len(rows) <= wanted:
        return rows
    return rows[np.linspace(0, len(rows) - 1, max(wanted, 1)).astype(np.int64)]


def _block_rows(info: LayerInfo, pooling: Pooling, levels: int) -> int:
    positions = info.height * info.width if info.kind == "map" else 1
    vectors = max(parts_per_row(info, pooling, levels), positions)
    return max(1, BLOCK_BYTES // (vectors * info.channels * 4))
