"""The dense index: the int8 maps of a collection in one mapped file, pictures of one shape side by side.

``FOLDER/codes.npy`` (cells, D) int8 holds the maps one behind the other, ``coarse.npy`` the same with 2 x 2
cells pooled into one; ``pictures.parquet`` has a row a picture, sorted by id: image_id, width, height
(pixels), rows, columns (cells). The order of the maps follows from it: by shape, then by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.base.errors import StrataError
from strata.base.files import read_array, read_table, write_table
from strata.dense.projection import Codes, Projection, encode, project

Raw = npt.NDArray[np.float16]
Sizes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """The maps of one shape. ``places``: (n,) which pictures; ``maps``: (n, rows, columns, D) int8."""

    places: npt.NDArray[np.int64]
    maps: Codes


@dataclass(frozen=True)
class Level:
    """Every picture's map at one resolution. ``shapes``: (N, 2) rows, columns."""

    groups: Sequence[Group]
    shapes: Sizes

    @property
    def count(self) -> int:
        """Number of pictures."""
        return len(self.shapes)

    def map_of(self, place: int) -> Codes:
        """(rows, columns, D): one picture's map."""
        for group in self.groups:
            found = np.searchsorted(group.places, place)
            if found < len(group.places) and group.places[found] == place:
                return np.asarray(group.maps[found])
        raise IndexError(place)


@dataclass(frozen=True)
class DenseIndex:
    """``ids``: of the N pictures, sorted; ``sizes``: (N, 2) width, height in pixels."""

    ids: Sequence[str]
    sizes: Sizes
    fine: Level
    coarse: Level


def index_bytes(shapes: Sizes, dims: int) -> int:
    """What an index of maps of (N, 2) ``shapes`` takes, its coarse level with it."""
    return int((shapes.prod(axis=1).sum() + _halved(shapes).prod(axis=1).sum()) * dims)


def write_index(
    folder: Path,
    ids: Sequence[str],
    sizes: Sizes,
    shapes: Sizes,
    maps: Iterable[tuple[int, Raw]],
    projection: Projection,
) -> None:
    """Project and write the maps of N pictures; ``maps``: place of a picture and its raw map, in any order.

    Raises StrataError when a picture's map is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"image_id": list(ids), "width": sizes[:, 0], "height": sizes[:, 1]}
    columns |= {"rows": shapes[:, 0], "columns": shapes[:, 1]}
    dims, halves = len(projection.axes), _halved(shapes)
    starts, coarse_starts = _starts(shapes, shapes), _starts(halves, shapes)
    fine, coarse = (
        _new_codes(folder / name, found, dims)
        for name, found in (("codes.npy", shapes), ("coarse.npy", halves))
    )
    filled = np.zeros(len(ids), np.bool_)
    for place, raw in maps:
        vectors = project(raw, projection)
        for target, start, codes in (
            (fine, starts[place], encode(vectors)),
            (coarse, coarse_starts[place], pool_cells(encode(vectors))),
        ):
            flat = codes.reshape(-1, dims)
            target[start : start + len(flat)] = flat
        filled[place] = True
    if not filled.all():
        raise StrataError(f"{folder}: the map of {ids[int(filled.argmin())]} is missing")
    write_table(folder / "pictures.parquet", pa.table(columns))


def open_index(folder: Path) -> DenseIndex:
    """Map what ``write_index`` wrote."""
    table = read_table(folder / "pictures.parquet")
    sizes, shapes = (
        np.stack([table[name].to_numpy() for name in names], axis=1).astype(np.int64)
        for names in (("width", "height"), ("rows", "columns"))
    )
    fine, coarse = (read_array(folder / name, mmap=True) for name in ("codes.npy", "coarse.npy"))
    levels = _level(fine, shapes, shapes), _level(coarse, _halved(shapes), shapes)
    return DenseIndex(table["image_id"].to_pylist(), sizes, *levels)


def pool_cells(codes: Codes) -> Codes:
    """(rows, columns, D) -> (ceil(rows / 2), ceil(columns / 2), D): 2 x 2 cells added, unit length again."""
    values = codes.astype(np.float32)
    values = np.pad(values, ((0, values.shape[0] % 2), (0, values.shape[1] % 2), (0, 0)))
    sums = values.reshape(values.shape[0] // 2, 2, values.shape[1] // 2, 2, -1).sum(axis=(1, 3))
    norms = np.sqrt((sums * sums).sum(axis=2, keepdims=True))
    return encode(sums / np.where(norms > 0, norms, 1))


def _level(codes: Codes, shapes: Sizes, order: Sizes) -> Level:
    """Views of ``codes``; ``order``: the shapes by which the maps are sorted."""
    starts, dims = _starts(shapes, order), codes.shape[1]
    _, first, inverse = np.unique(order, axis=0, return_index=True, return_inverse=True)
    groups = []
    for number in range(len(first)):
        places = np.flatnonzero(inverse.reshape(-1) == number)
        rows, columns = shapes[places[0]].tolist()
        start = starts[places[0]]
        stop = start + len(places) * rows * columns
        groups.append(Group(places, codes[start:stop].reshape(len(places), rows, columns, dims)))
    return Level(groups, shapes)


def _starts(shapes: Sizes, order: Sizes) -> npt.NDArray[np.int64]:
    """(N,) the first cell of every map."""
    sequence = np.lexsort((np.arange(len(order)), order[:, 1], order[:, 0]))
    cells = shapes[sequence].prod(axis=1)
    starts = np.zeros(len(order), np.int64)
    starts[sequence] = np.cumsum(cells) - cells
    return starts


def _new_codes(path: Path, shapes: Sizes, dims: int) -> Codes:
    """A mapped file of zeros for maps of ``shapes``."""
    shape = int(shapes.prod(axis=1).sum()), dims
    codes: Codes = np.lib.format.open_memmap(path, "w+", np.int8, shape)  # type: ignore[no-untyped-call]
    return codes


def _halved(shapes: Sizes) -> Sizes:
    return (shapes + 1) // 2
