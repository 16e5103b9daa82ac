"""A layer as ``extract`` left it, opened, and the R-MAC regions of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from strata.maps.features import LayerInfo, read_layer_array, read_layer_info
from strata.maps.rmac_regions import cover_all, region_boxes


@dataclass(frozen=True)
class StoredLayer:
    """One layer's description and its memory-mapped arrays by name (see ``features``)."""

    info: LayerInfo
    arrays: dict[str, npt.NDArray[Any]]


def open_layer(folder: Path, name: str) -> StoredLayer:
    """Memory-map the arrays of layer ``name``."""
    info = read_layer_info(folder, name)
    names = {"vector": ["vector"], "map": ["map"], "regions": ["regions", "mean", "gem"]}[info.kind]
    if info.kind == "regions" and not cover_all(info.height, info.width):
        names.append("max")
    names += ["cls"] if info.has_cls else []
    return StoredLayer(info, {array: read_layer_array(folder, name, array) for array in names})


def stored_regions(
    layer: StoredLayer, rows: slice | npt.NDArray[np.int64], levels: int
) -> npt.NDArray[np.float32]:
    """(n, R, C): the maxima over the regions of ``levels`` R-MAC levels, NaN where no position is valid.

    As they are stored, or taken from the map where that is kept.
    """
    info = layer.info
    boxes = region_boxes(info.height, info.width, levels)
    if info.kind == "regions":
        return np.asarray(layer.arrays["regions"][rows, : len(boxes)], np.float32)
    maps = np.asarray(layer.arrays["map"][rows], np.float32).reshape(
        -1, info.height, info.width, info.channels
    )
    maxima = np.empty((len(maps), len(boxes), info.channels), np.float32)
    for number, (_, row, column, size) in enumerate(boxes.tolist()):
        maxima[:, number] = np.fmax.reduce(maps[:, row : row + size, column : column + size], axis=(1, 2))
    return maxima


def whole_maxima(layer: StoredLayer, rows: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """(n, C): the maximum over all valid positions of the map."""
    if layer.info.kind == "map":
        return np.asarray(np.fmax.reduce(np.asarray(layer.arrays["map"][rows], np.float32), axis=1))
    if "max" in layer.arrays:
        return np.asarray(layer.arrays["max"][rows], np.float32)
    return np.asarray(np.fmax.reduce(stored_regions(layer, rows, 1), axis=1))
