"""A layer's maps as ``extract`` leaves them: projections are fitted on and applied to them.

``FOLDER/maps.npy`` (cells, C) float16 holds the maps of the pictures one behind the other, in the order of
``pictures.parquet`` (a row a picture, sorted by id: image_id, sha256, width, height in pixels, rows, columns
in cells). ``templates.npy`` holds the cut-out maps of the queries in the same way, in the order of
``templates.parquet`` (query_id, rows, columns), those of a query together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.base.errors import StrataError
from strata.base.files import read_array, read_table, write_table

LAYERS = "layers.json"  # of a folder of layers: their names

Map = npt.NDArray[np.float16]
Sizes = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class Flat:
    """Maps of several shapes in one array ``values`` (cells, D); ``shapes``: (N, 2) rows, columns."""

    shapes: Sizes
    values: Numbers
    starts: npt.NDArray[np.int64]

    def __getitem__(self, place: int) -> Numbers:
        """(rows, columns, D): one of them."""
        rows, columns = self.shapes[place].tolist()
        start = self.starts[place]
        return self.values[start : start + rows * columns].reshape(rows, columns, -1)

    def __len__(self) -> int:
        return len(self.shapes)


@dataclass(frozen=True)
class RawMaps:
    """The pictures' maps. ``ids``: sorted; ``sha256`` of each; ``sizes``: (N, 2) width, height in pixels."""

    ids: Sequence[str]
    sha256: Sequence[str]
    sizes: Sizes
    maps: Flat


@dataclass(frozen=True)
class Templates:
    """The queries' cut-out maps; ``places``: of each query's in ``maps``."""

    places: dict[str, slice]
    maps: Flat

    def of(self, query_id: str) -> list[Numbers]:
        """Those of one query; none if it has none."""
        own = self.places.get(query_id, slice(0, 0))
        return [self.maps[place] for place in range(own.start, own.stop)]


def write_raw_maps(
    folder: Path,
    ids: Sequence[str],
    sha256: Sequence[str],
    sizes: Sizes,
    shapes: Sizes,
    channels: int,
    maps: Iterable[tuple[str, Map]],
) -> None:
    """Write the maps of N pictures; ``maps``: by SHA-256, in any order. StrataError when one is missing."""
    places: dict[str, list[int]] = {}
    for place, one in enumerate(sha256):
        places.setdefault(one, []).append(place)
    placed = ((place, map_) for one, map_ in maps for place in places[one])
    write_flat(folder / "maps.npy", shapes, channels, np.dtype("<f2"), placed)
    columns = {"image_id": pa.array(ids, pa.string()), "sha256": pa.array(sha256, pa.string())}
    columns |= {"width": sizes[:, 0], "height": sizes[:, 1], "rows": shapes[:, 0], "columns": shapes[:, 1]}
    write_table(folder / "pictures.parquet", pa.table(columns))


def open_raw_maps(folder: Path) -> RawMaps:
    """Map what ``write_raw_maps`` wrote."""
    table = read_table(folder / "pictures.parquet")
    sizes = np.stack([table[name].to_numpy() for name in ("width", "height")], axis=1).astype(np.int64)
    maps = _open_flat(folder / "maps.npy", table)
    return RawMaps(table["image_id"].to_pylist(), table["sha256"].to_pylist(), sizes, maps)


def write_templates(
    folder: Path,
    query_ids: Sequence[str],
    shapes: Sizes,
    channels: int,
    maps: Iterable[tuple[int, Numbers]],
    dtype: str = "<f2",
) -> None:
    """Write templates: ``query_ids[i]`` (those of one query side by side) has one of ``shapes[i]``; ``maps``:
    by their place i."""
    write_flat(folder / "templates.npy", shapes, channels, np.dtype(dtype), maps)
    columns = {"query_id": pa.array(query_ids, pa.string())}
    columns |= {"rows": shapes[:, 0], "columns": shapes[:, 1]}
    write_table(folder / "templates.parquet", pa.table(columns))


def open_templates(folder: Path) -> Templates:
    """Map what ``write_templates`` wrote."""
    table = read_table(folder / "templates.parquet")
    places: dict[str, slice] = {}
    for place, query_id in enumerate(table["query_id"].to_pylist()):
        start = places[query_id].start if query_id in places else place
        places[query_id] = slice(start, place + 1)
    return Templates(places, _open_flat(folder / "templates.npy", table))


def write_flat(
    path: Path, shapes: Sizes, channels: int, dtype: np.dtype[Any], maps: Iterable[tuple[int, Numbers]]
) -> None:
    """Maps of (N, 2) ``shapes`` one behind the other; StrataError when one is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    starts = _starts(shapes)
    size = int(shapes.prod(axis=1).sum()), channels
    open_memmap: Any = np.lib.format.open_memmap  # numpy has no types for it
    values = open_memmap(path, mode="w+", dtype=dtype, shape=size)
    filled = np.zeros(len(shapes), np.bool_)
    for place, map_ in maps:
        flat = map_.reshape(-1, channels)
        values[starts[place] : starts[place] + len(flat)] = flat
        filled[place] = True
    values.flush()
    if not filled.all():
        raise StrataError(f"{path}: {np.count_nonzero(~filled)} of {len(filled)} maps are missing")


def _open_flat(path: Path, table: pa.Table) -> Flat:
    shapes = np.stack([table[name].to_numpy() for name in ("rows", "columns")], axis=1).astype(np.int64)
    return Flat(shapes.reshape(-1, 2), read_array(path, mmap=True), _starts(shapes))


def _starts(shapes: Sizes) -> npt.NDArray[np.int64]:
    cells = shapes.prod(axis=1)
    return np.asarray(np.cumsum(cells) - cells, np.int64)
