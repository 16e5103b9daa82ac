"""Pool the features of one layer: the vectors a row's descriptor is made of.

``max``, ``avg``, ``gem`` and ``cls`` give one vector a row. ``rmac`` (Tolias, Sicre, Jegou 2016) gives the
maximum over each region of levels 1..L; ``rmac_global`` counts the maximum over the whole map as one more
region, as cnnimageretrieval-pytorch does. ``transforms`` normalises and sums them. ``spoc`` and ``crow``
(``weighted_pooling``) weigh the positions of a whole map, so only a layer of kind ``map`` has them. A layer
of kind ``vector`` has nothing left to pool: every pooling returns the vector itself.

Signed maps (ViT tokens, a first convolution): maxima keep the sign; GeM clamps at 1e-6 as its authors do,
which drops the negative half. ``max`` is the maximum over the regions of level 1; they tile the whole map as
long as its long side is at most seven times its short one.

Invalid positions are NaN and take no part; a region without a valid one is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError
from strata.descriptors.weighted_pooling import crow, spoc
from strata.descriptors.whitening import Unit
from strata.maps.features import LayerInfo, read_layer_array, read_layer_info
from strata.maps.regions import count_regions, region_boxes, region_maxima
from strata.settings.params import Pooling

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Index = slice | Rows

GEM_FLOOR = 1e-6
REGIONAL: tuple[Pooling, ...] = ("rmac", "rmac_global")
WHOLE_MAP: tuple[Pooling, ...] = ("spoc", "crow")


@dataclass(frozen=True)
class Layer:
    """One layer's description and its memory-mapped arrays by name (see ``strata.maps.features``)."""

    info: LayerInfo
    arrays: dict[str, npt.NDArray[Any]]


def open_layer(folder: Path, name: str) -> Layer:
    """Memory-map the arrays of layer ``name``."""
    info = read_layer_info(folder, name)
    names = {"vector": ["vector"], "map": ["map"], "regions": ["regions", "mean", "gem"]}[info.kind]
    names += ["cls"] if info.has_cls else []
    return Layer(info, {array: read_layer_array(folder, name, array) for array in names})


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


def pooled_parts(layer: Layer, index: Index, pooling: Pooling, levels: int) -> Floats:
    """(n, parts, C) float32: the vectors a descriptor is summed from (one, but for R-MAC); NaN = invalid."""
    if layer.info.kind == "vector":
        return _single(layer.arrays["vector"][index])
    if pooling == "rmac":
        return layer_regions(layer, index, levels)
    if pooling == "rmac_global":
        regions = layer_regions(layer, index, levels)
        return np.concatenate([regions, np.fmax.reduce(regions, axis=1, keepdims=True)], axis=1)
    return _single(GLOBAL[pooling](layer, index))


def layer_regions(layer: Layer, index: Index, levels: int) -> Floats:
    """(n, R, C) float32: maxima over the boxes of ``strata.maps.regions``; NaN where no position is valid."""
    info = layer.info
    if info.kind == "regions":
        stored = layer.arrays["regions"][index, : count_regions(info.height, info.width, levels)]
        return np.asarray(stored, dtype=np.float32)
    maps = _positions(layer, index).reshape(-1, info.height, info.width, info.channels)
    return region_maxima(maps, region_boxes(info.height, info.width, levels))


def generalised_mean(positions: Floats, power: float) -> Floats:
    """(n, P, C) -> (n, C) float32: (mean of clamp(x, 1e-6)^p)^(1/p) over the valid positions.

    Radenovic, Tolias and Chum 2018, eq. 3; scaled by the maximum first, so that a high power cannot overflow.
    """
    clamped = np.maximum(positions, np.float32(GEM_FLOOR))  # NaN stays NaN
    top = np.fmax.reduce(clamped, axis=1, keepdims=True)
    return np.asarray(top[:, 0] * _mean_of_valid((clamped / top) ** power) ** (1 / power), dtype=np.float32)


def _global_max(layer: Layer, index: Index) -> Floats:
    return np.asarray(np.fmax.reduce(layer_regions(layer, index, 1), axis=1))


def _global_mean(layer: Layer, index: Index) -> Floats:
    if layer.info.kind == "regions":
        return np.asarray(layer.arrays["mean"][index], dtype=np.float32)
    return _mean_of_valid(_positions(layer, index))


def _global_gem(layer: Layer, index: Index) -> Floats:
    if layer.info.kind == "regions":
        return np.asarray(layer.arrays["gem"][index], dtype=np.float32)
    return generalised_mean(_positions(layer, index), layer.info.gem_p)


def _centre_weighted(layer: Layer, index: Index) -> Floats:
    return spoc(_positions(layer, index), layer.info.width)


def _cross_weighted(layer: Layer, index: Index) -> Floats:
    return crow(_positions(layer, index))


def _class_token(layer: Layer, index: Index) -> Floats:
    return np.asarray(layer.arrays["cls"][index], dtype=np.float32)


GLOBAL: dict[str, Callable[[Layer, Index], Floats]] = {
    "max": _global_max,
    "avg": _global_mean,
    "gem": _global_gem,
    "spoc": _centre_weighted,
    "crow": _cross_weighted,
    "cls": _class_token,
}


def _positions(layer: Layer, index: Index) -> Floats:
    return np.asarray(layer.arrays["map"][index], dtype=np.float32)


def _mean_of_valid(positions: Floats) -> Floats:
    valid = ~np.isnan(positions)
    count = valid.sum(axis=1)
    total = np.where(valid, positions, np.float32(0)).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan)).astype(np.float32)


def _single(vectors: npt.NDArray[Any]) -> Floats:
    return np.asarray(vectors, dtype=np.float32)[:, None]
