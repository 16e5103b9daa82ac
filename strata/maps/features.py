"""The features ``extract`` leaves on disk and how later stages read them.

``FOLDER/rows.parquet``: row (int32, position in every array), kind (image | outside | query), image_id,
query_id (null for pictures). Pictures come first, sorted by image_id, then boxed queries, sorted by query_id.
``outside`` is a picture that only queries (``images.split`` is ``query``): no part of the database.
``FOLDER/rejected.parquet``: image_id, reason: pictures that could not be decoded (they have no row).
``FOLDER/view.json``: view and size_px: how pictures became squares, which places a map's cell in a picture.

``FOLDER/LAYER/layer.json`` says what the layer's arrays are (``LayerInfo``):

- kind ``vector``: ``vector.npy`` (N, C) float32: the embedding, or a module without positions.
- kind ``map``: ``map.npy`` (N, H*W, C) float16: the whole map (there are no more positions than regions).
- kind ``regions``: ``regions.npy`` (N, R, C) float16, the maximum over every R-MAC region in the order of
  ``rmac_regions.region_boxes``, plus ``mean.npy`` and ``gem.npy`` (N, C) float32 over all valid positions,
  and ``max.npy`` (N, C) float16 of a map so long that the regions of level 1 do not cover it.
- and ``cls.npy`` (N, C) float32 where the layer has a class token (it is never part of the map).

A position outside a row's valid area (letterbox padding; outside the box of a ``roi`` query) is NaN in a map
and takes no part in maxima and means; a region without a valid position is NaN in every channel.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.base.files import read_array, read_json, read_table, required, write_json

Kind = Literal["vector", "map", "regions"]
GEM_FLOOR = 1e-6  # GeM of positions x is (mean of max(x, GEM_FLOOR)^p)^(1/p), stored or taken from a map

ROWS_SCHEMA = pa.schema(
    [
        *required(row=pa.int32(), kind=pa.string(), image_id=pa.string()),
        ("query_id", pa.string()),
    ]
)


@dataclass(frozen=True)
class LayerInfo:
    """What ``layer.json`` holds. ``height`` and ``width`` are the map's (1 x 1 for a vector)."""

    name: str
    module: str
    kind: Kind
    channels: int
    height: int
    width: int
    levels: int
    gem_p: float
    has_cls: bool


def layer_names(folder: Path) -> list[str]:
    """The layers in the order they were asked for (``layers.json``)."""
    names: list[str] = read_json(folder / "layers.json")
    return names


def write_layer_info(folder: Path, info: LayerInfo) -> None:
    """Write ``FOLDER/NAME/layer.json``."""
    write_json(folder / info.name / "layer.json", asdict(info))


def read_layer_info(folder: Path, name: str) -> LayerInfo:
    """Read ``FOLDER/NAME/layer.json``."""
    return LayerInfo(**read_json(folder / name / "layer.json"))


def read_layer_array(folder: Path, name: str, array: str) -> npt.NDArray[Any]:
    """Memory-map ``FOLDER/NAME/ARRAY.npy``."""
    return read_array(folder / name / f"{array}.npy", mmap=True)


def read_rows(folder: Path) -> pa.Table:
    """``rows.parquet``."""
    return read_table(folder / "rows.parquet")


def database_rows(rows: pa.Table) -> npt.NDArray[np.bool_]:
    """(N,) bool: which rows are pictures of the database (fits use these only).

    Query crops are not, nor pictures outside of it (``images.split`` is ``query``).
    """
    return np.asarray(rows["kind"].to_numpy(zero_copy_only=False) == "image")
