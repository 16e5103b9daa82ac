"""From pictures to maps: computed where the store lacks them, each on a core, and laid out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from strata.base.threads import cores, in_threads
from strata.base.track import Track, no_track
from strata.dense.kept import KeptMaps, Shape, keep_maps, missing_maps, read_maps
from strata.dense.raw_maps import Sizes, write_raw_maps
from strata.dense.tower import DenseTower, Map, picture_map, twin
from strata.dense.view import map_shape
from strata.maps.views import Picture, PictureError

Item = TypeVar("Item")
Made = list[tuple[str, Map]]


@dataclass(frozen=True)
class Source:
    """The pictures of an index: ``ids``, sorted; ``sha256`` of each; ``sizes``: (N, 2) width, height in
    pixels; ``read``: the pixels of the picture at a place."""

    ids: Sequence[str]
    sha256: Sequence[str]
    sizes: Sizes
    read: Callable[[int], Picture]

    def without(self, rejected: Collection[str]) -> Source:
        """The pictures whose SHA-256 is not in ``rejected``."""
        kept = [place for place, sha256 in enumerate(self.sha256) if sha256 not in rejected]
        ids, hashes = ([values[place] for place in kept] for values in (self.ids, self.sha256))
        return Source(ids, hashes, self.sizes[kept], lambda place: self.read(kept[place]))


def index_shapes(source: Source, tower: DenseTower) -> Sizes:
    """(N, 2) rows, columns of every picture's map."""
    found = [map_shape(width, height, tower.size_px, tower.stride) for width, height in source.sizes.tolist()]
    return np.array(found, np.int64).reshape(-1, 2)


def compute_maps(
    source: Source, tower: DenseTower, kept: KeptMaps, track: Track = no_track
) -> dict[str, str]:
    """Compute and keep the maps that the store lacks; which pictures cannot be decoded: SHA-256 -> reason.

    A picture goes through the network alone: its map does not depend on the others.
    """
    place_of = {sha256: place for place, sha256 in enumerate(source.sha256)}
    rejected: dict[str, str] = {}

    def make(own: DenseTower, sha256: str) -> Made:
        try:
            return [(sha256, picture_map(own, source.read(place_of[sha256])))]
        except PictureError as error:
            rejected[sha256] = str(error)
            return []

    keep_made(kept, tower, make, missing_maps(kept, map_shapes(source, tower)), track)
    return rejected


def keep_made(
    kept: KeptMaps,
    tower: DenseTower,
    make: Callable[[DenseTower, Item], Made],
    items: Sequence[Item],
    track: Track = no_track,
) -> None:
    """Keep the maps that ``make`` makes of each item, on a core each, with a network of its own."""
    own = threading.local()

    def begin() -> None:
        torch.set_num_threads(1)  # an item stays on its own core
        own.tower = twin(tower)

    def maps(done: Iterable[Made]) -> Iterator[tuple[str, Map]]:
        for made in track(done, total=len(items), desc="extract: dense maps"):
            yield from made

    with closing(in_threads(lambda item: make(own.tower, item), items, cores(), cores() + 2, begin)) as done:
        keep_maps(kept, maps(done))


def lay_out_maps(folder: Path, source: Source, tower: DenseTower, kept: KeptMaps) -> None:
    """Write the stored maps into ``folder`` (see ``raw_maps``). Pictures with equal bytes share a map."""
    shapes, stored = index_shapes(source, tower), read_maps(kept, map_shapes(source, tower))
    write_raw_maps(folder, source.ids, source.sha256, source.sizes, shapes, kept.channels, stored)


def map_shapes(source: Source, tower: DenseTower) -> dict[str, Shape]:
    """SHA-256 -> rows, columns of its map."""
    shapes = index_shapes(source, tower).tolist()
    return {sha256: (rows, columns) for sha256, (rows, columns) in zip(source.sha256, shapes, strict=True)}
