"""Cluster sheets: rows of eight pictures of one cluster, the ones nearest to its centre."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from strata.base.files import read_table
from strata.collection.facets import Integers
from strata.report.thumbnails import Gallery, Tile

ACROSS = 8
MOST_CLUSTERS = 32


@dataclass(frozen=True)
class Cluster:
    """``label``: the class most of its pictures have, "" without labels; ``share``: how many, 0 to 1."""

    number: int
    size: int
    label: str
    share: float
    tiles: list[Tile]


@dataclass(frozen=True)
class ClusterSheet:
    """The clusters of one layer, largest first; ``hidden`` counts those not shown."""

    layer: str
    clusters: list[Cluster]
    hidden: int


def cluster_sheet(folder: Path, layer: str, names: Mapping[str, str], gallery: Gallery) -> ClusterSheet:
    """The clusters in ``FOLDER/LAYER.parquet``. ``names``: class_id -> name, of one facet only."""
    table = read_table(folder / f"{layer}.parquet", ["image_id", "cluster", "distance"])
    table = table.sort_by([(name, "ascending") for name in ("cluster", "distance", "image_id")])
    numbers, starts, sizes = np.unique(table["cluster"].to_numpy(), return_index=True, return_counts=True)
    largest = sorted(range(len(numbers)), key=lambda at: (-sizes[at], numbers[at]))
    image_ids = table["image_id"].combine_chunks()
    owners, codes = gallery.label_pairs(image_ids, list(names))
    bounds = np.searchsorted(owners, np.append(starts, len(image_ids)))
    clusters = [
        _cluster(
            int(numbers[at]),
            image_ids.slice(starts[at], sizes[at]),
            np.bincount(codes[bounds[at] : bounds[at + 1]], minlength=len(names)),
            names,
            gallery,
        )
        for at in largest[:MOST_CLUSTERS]
    ]
    return ClusterSheet(layer, clusters, max(len(largest) - MOST_CLUSTERS, 0))


def _cluster(
    number: int, members: pa.StringArray, in_class: Integers, names: Mapping[str, str], gallery: Gallery
) -> Cluster:
    """``members``: ids of its pictures, the nearest first; ``in_class``: how many have each of ``names``."""
    counts: Counter[str] = Counter()  # classes may share a name
    for name, count in zip(names.values(), in_class.tolist(), strict=True):
        counts[name] += count
    label, count = min(counts.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
    label = label if count else ""
    tiles = []
    for image_id in members[:ACROSS].to_pylist():
        own = [names[c] for c in gallery.labels(image_id) if c in names]
        mark = "" if not label or not own else "hit" if label in own else "miss"
        said = ", ".join(own)
        alt = f"{image_id}: {said or 'no label'}"
        tiles.append(gallery.tile(image_id, mark=mark, caption=said if mark == "miss" else "", alt=alt))
    return Cluster(number, len(members), label, count / len(members), tiles)
