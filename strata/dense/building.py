"""From pictures to an index: maps computed where the store lacks them, a projection fitted, all projected."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from strata.base.threads import cores, in_threads
from strata.dense.index import Sizes, write_index
from strata.dense.kept import KeptMaps, Shape, keep_maps, missing_maps, read_maps
from strata.dense.projection import Floats, Projection, fit_projection, sample_positions
from strata.dense.tower import DenseTower, Map, picture_map, twin
from strata.dense.view import map_shape
from strata.maps.views import Picture, PictureError

FIT_PICTURES = 2000  # drawn from a larger collection; of 128 channels their samples take 300 MB


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


def compute_maps(source: Source, tower: DenseTower, kept: KeptMaps) -> dict[str, str]:
    """Compute and keep the maps that the store lacks; which pictures cannot be decoded: SHA-256 -> reason.

    A picture goes through the network alone: its map does not depend on the others.
    """
    pictures = _by_hash(source, tower)
    place_of = {sha256: place for place, sha256 in enumerate(source.sha256)}
    lacking = missing_maps(kept, pictures)
    own = threading.local()

    def begin() -> None:
        torch.set_num_threads(1)  # a picture stays on its own core
        own.tower = twin(tower)

    def work(sha256: str) -> tuple[str, Map | str]:
        try:
            return sha256, picture_map(own.tower, source.read(place_of[sha256]))
        except PictureError as error:
            return sha256, str(error)

    rejected: dict[str, str] = {}

    def maps(done: Iterable[tuple[str, Map | str]]) -> Iterator[tuple[str, Map]]:
        for sha256, found in done:
            if isinstance(found, str):
                rejected[sha256] = found
            else:
                yield sha256, found

    with closing(in_threads(work, lacking, cores(), cores() + 2, begin)) as done:
        keep_maps(kept, maps(done))
    return rejected


def fit_on_maps(
    source: Source, tower: DenseTower, kept: KeptMaps, *, dims: int, power: float, seed: int, fit_set: str
) -> Projection:
    """A projection fitted on seeded positions of the collection's own maps, FIT_PICTURES at most."""
    hashes = sorted(set(source.sha256))
    if len(hashes) > FIT_PICTURES:
        drawn = np.random.default_rng(seed).choice(len(hashes), FIT_PICTURES, replace=False)
        hashes = [hashes[number] for number in sorted(drawn.tolist())]
    shapes = _by_hash(source, tower)
    samples: dict[str, Floats] = {
        sha256: sample_positions(map_, (seed, int(sha256[:12], 16)))
        for sha256, map_ in read_maps(kept, {sha256: shapes[sha256] for sha256 in hashes})
    }
    return fit_projection([samples[sha256] for sha256 in sorted(samples)], dims, power, fit_set)


def build_index(
    folder: Path, source: Source, tower: DenseTower, kept: KeptMaps, projection: Projection
) -> None:
    """Write the index from stored maps: nothing is decoded. Pictures with equal bytes share a map."""
    places: dict[str, list[int]] = {}
    for place, sha256 in enumerate(source.sha256):
        places.setdefault(sha256, []).append(place)

    def maps() -> Iterator[tuple[int, Map]]:
        for sha256, map_ in read_maps(kept, _by_hash(source, tower)):
            for place in places[sha256]:
                yield place, map_

    write_index(folder, source.ids, source.sizes, index_shapes(source, tower), maps(), projection)


def _by_hash(source: Source, tower: DenseTower) -> dict[str, Shape]:
    shapes = index_shapes(source, tower).tolist()
    return {sha256: (rows, columns) for sha256, (rows, columns) in zip(source.sha256, shapes, strict=True)}
