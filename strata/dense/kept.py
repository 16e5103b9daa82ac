"""Raw maps in the feature store: a changed projection reads them again, it never decodes a picture.

The store's rows have one shape a space, maps have many: there is a space for every shape of map, whose key is
that of the tower and the shape. An item is a picture's SHA-256.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strata.base.errors import StrataError
from strata.dense.tower import Map
from strata.maps.store import NOWHERE, BrokenShard, Space, find_items, open_space, read_shard, write_shard

SHARD_BYTES = 64 << 20
SUFFIX = ":aspect"

Shape = tuple[int, int]


@dataclass(frozen=True)
class KeptMaps:
    """``root``: the store; ``key``: all that decides a map but its shape; ``channels`` of the layer."""

    root: Path
    key: Mapping[str, Any]
    channels: int

    def space(self, shape: Shape) -> Space:
        """Where the maps of ``shape`` (rows, columns) are."""
        rows = {"map": (np.dtype("<f2"), (*shape, self.channels))}
        return open_space(self.root, {**self.key, "map": list(shape)}, rows)


def missing_maps(kept: KeptMaps, pictures: Mapping[str, Shape]) -> list[str]:
    """The pictures (by SHA-256, with the shapes of their maps) whose maps have to be computed."""
    return [sha256 for sha256, found in _places(kept, pictures) if found is None]


def keep_maps(kept: KeptMaps, maps: Iterable[tuple[str, Map]]) -> None:
    """Write the maps of pictures, in shards of SHARD_BYTES; a killed run loses the last one."""
    waiting: dict[Shape, list[tuple[str, Map]]] = defaultdict(list)
    held = 0
    for sha256, map_ in maps:
        waiting[map_.shape[0], map_.shape[1]].append((sha256, map_))
        held += map_.nbytes
        if held >= SHARD_BYTES:
            _write(kept, waiting)
            waiting.clear()
            held = 0
    _write(kept, waiting)


def read_maps(kept: KeptMaps, pictures: Mapping[str, Shape]) -> Iterator[tuple[str, Map]]:
    """The stored maps, shard by shard: SHA-256 and (rows, columns, C) float16.

    A broken shard is removed and raises StrataError: its maps have to be computed again.
    """
    by_shard: dict[tuple[Shape, Path], list[tuple[str, int]]] = defaultdict(list)
    for sha256, found in _places(kept, pictures):
        if found is not None:
            by_shard[pictures[sha256], found[0]].append((sha256, found[1]))
    for (shape, shard), rows in by_shard.items():
        try:
            maps = read_shard(kept.space(shape), shard)["map"]
        except BrokenShard as error:
            raise StrataError(f"{shard}: {error}; it was removed, run once more") from None
        for sha256, row in rows:
            yield sha256, maps[row]


def _places(kept: KeptMaps, pictures: Mapping[str, Shape]) -> Iterator[tuple[str, tuple[Path, int] | None]]:
    """Every picture, and the shard and row its map is in."""
    by_shape: dict[Shape, list[str]] = defaultdict(list)
    for sha256, shape in pictures.items():
        by_shape[shape].append(sha256)
    for shape, members in by_shape.items():
        found = find_items(
            kept.space(shape), {f"{sha256}{SUFFIX}": number for number, sha256 in enumerate(members)}
        )
        for number, sha256 in enumerate(members):
            shard = int(found.shard[number])
            yield sha256, None if shard == NOWHERE else (found.shards[shard], int(found.row[number]))


def _write(kept: KeptMaps, waiting: Mapping[Shape, Sequence[tuple[str, Map]]]) -> None:
    for shape, maps in waiting.items():
        items = [f"{sha256}{SUFFIX}" for sha256, _ in maps]
        write_shard(kept.space(shape), items, {"map": np.stack([map_ for _, map_ in maps])})
