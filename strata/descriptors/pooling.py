"""Pool the features of one layer: the vectors a row's descriptor is made of.

``max``, ``avg``, ``gem`` and ``cls`` give one vector a row. ``rmac`` (Tolias, Sicre, Jegou 2016) gives the
maximum over each region of levels 1..L; ``rmac_global`` counts the maximum over the whole map as one more
region, as cnnimageretrieval-pytorch does. ``transforms`` normalises and sums them. ``spoc`` and ``crow``
(``weighted_pooling``) weigh the positions of a whole map, so only a layer of kind ``map`` has them. A layer
of kind ``vector`` has nothing left to pool: every pooling returns the vector itself.

Signed maps (ViT tokens, a first convolution): maxima keep the sign; GeM clamps at 1e-6 as its authors do,
which drops the negative half. ``max`` is the maximum over the whole map, whatever its shape.

Invalid positions are NaN and take no part; a region without a valid one is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError
from strata.descriptors.weighted_pooling import crow, spoc
from strata.descriptors.whitening import Unit
from strata.maps.features import GEM_FLOOR, LayerInfo
from strata.maps.rmac_regions import count_regions
from strata.maps.stored_layers import StoredLayer, stored_regions, whole_maxima
from strata.settings.params import Pooling

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Index = slice | Rows

REGIONAL: tuple[Pooling, ...] = ("rmac", "rmac_global")
WHOLE_MAP: tuple[Pooling, ...] = ("spoc", "crow")


def check_poolable(infos: Sequence[LayerInfo], pooling: Pooling, levels: int) -> None:
    """Raise StrataError, before any work, when a layer has no class token, too few levels or no whole map."""
    spatial = [info for info in infos if info.kind != "vector"]
    without = [info.name for info in spatial if not info.has_cls]
    if pooling == "cls" and without:
        having = ", ".join(info.name for info in infos if info.name not in without) or "none of them"
        raise StrataError(
            f"pooling = 'cls': layer {without[0]!r} has no class token (layers that work: {having}); "
            "take it out of `layers` or choose another pooling"
        )
    for info in spatial:
        if pooling in WHOLE_MAP and info.kind == "regions":
            raise StrataError(
                f"pooling = {pooling!r}: layer {info.name!r} keeps region maxima and means, not its map; "
                "take it out of `layers` or choose another pooling (spoc without its centre prior is avg)"
            )
        if pooling in REGIONAL and info.kind == "regions" and levels > info.levels:
            raise StrataError(
                f"pool.levels = {levels}, but layer {info.name!r} keeps the regions of {info.levels} levels; "
                "raise extract.levels (pictures are read again) or lower pool.levels"
            )


def unit_of(info: LayerInfo, pooling: Pooling) -> Unit:
    """What is centred and whitened: every region vector of an R-MAC, else the descriptor."""
    return "regions" if pooling in REGIONAL and info.kind != "vector" else "descriptors"


def parts_per_row(info: LayerInfo, pooling: Pooling, levels: int) -> int:
    """How many vectors ``pooled_parts`` gives a row."""
    if unit_of(info, pooling) == "descriptors":
        return 1
    return count_regions(info.height, info.width, levels) + (pooling == "rmac_global")


def pooled_parts(layer: StoredLayer, index: Index, pooling: Pooling, levels: int) -> Floats:
    """(n, parts, C) float32: the vectors a descriptor is summed from (one, but for R-MAC); NaN = invalid."""
    if layer.info.kind == "vector":
        return _single(layer.arrays["vector"][index])
    if pooling == "rmac":
        return stored_regions(layer, index, levels)
    if pooling == "rmac_global":
        regions = stored_regions(layer, index, levels)
        return np.concatenate([regions, whole_maxima(layer, index)[:, None]], axis=1)
    return _single(GLOBAL[pooling](layer, index))


def generalised_mean(positions: Floats, power: float) -> Floats:
    """(n, P, C) -> (n, C) float32: (mean of clamp(x, 1e-6)^p)^(1/p) over the valid positions.

    Radenovic, Tolias and Chum 2018, eq. 3; scaled by the maximum first, so that a high power cannot overflow.
    """
    clamped = np.maximum(positions, np.float32(GEM_FLOOR))  # NaN stays NaN
    top = np.fmax.reduce(clamped, axis=1, keepdims=True)
    return np.asarray(top[:, 0] * _mean_of_valid((clamped / top) ** power) ** (1 / power), dtype=np.float32)


def _global_mean(layer: StoredLayer, index: Index) -> Floats:
    if layer.info.kind == "regions":
        return np.asarray(layer.arrays["mean"][index], dtype=np.float32)
    return _mean_of_valid(_positions(layer, index))


def _global_gem(layer: StoredLayer, index: Index) -> Floats:
    if layer.info.kind == "regions":
        return np.asarray(layer.arrays["gem"][index], dtype=np.float32)
    return generalised_mean(_positions(layer, index), layer.info.gem_p)


GLOBAL: dict[str, Callable[[StoredLayer, Index], Floats]] = {
    "max": whole_maxima,
    "avg": _global_mean,
    "gem": _global_gem,
    "spoc": lambda layer, index: spoc(_positions(layer, index), layer.info.width),
    "crow": lambda layer, index: crow(_positions(layer, index)),
    "cls": lambda layer, index: np.asarray(layer.arrays["cls"][index], dtype=np.float32),
}


def _positions(layer: StoredLayer, index: Index) -> Floats:
    return np.asarray(layer.arrays["map"][index], dtype=np.float32)


def _mean_of_valid(positions: Floats) -> Floats:
    valid = ~np.isnan(positions)
    count = valid.sum(axis=1)
    total = np.where(valid, positions, np.float32(0)).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan)).astype(np.float32)


def _single(vectors: npt.NDArray[Any]) -> Floats:
    return np.asarray(vectors, dtype=np.float32)[:, None]
