"""Cluster sheets: rows of eight pictures of one cluster, the ones nearest to its centre."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from strata.files import read_table
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


def cluster_sheets(
    folder: Path, layers: Sequence[str], names: Mapping[str, str], gallery: Gallery
) -> list[ClusterSheet]:
    """One sheet for each of ``layers`` that has clusters. ``names``: class_id -> name, of one facet only."""
    return [cluster_sheet(folder, layer, names, gallery) for layer in layers]


def cluster_sheet(folder: Path, layer: str, names: Mapping[str, str], gallery: Gallery) -> ClusterSheet:
    """The clusters in ``FOLDER/LAYER.parquet``."""
    table = read_table(folder / f"{layer}.parquet", ["image_id", "cluster", "distance"])
    members: defaultdict[int, list[tuple[float, str]]] = defaultdict(list)
    for row in table.to_pylist():
        members[row["cluster"]].append((row["distance"], row["image_id"]))
    largest = sorted(members, key=lambda number: (-len(members[number]), number))
    clusters = [
        _cluster(number, sorted(members[number]), names, gallery) for number in largest[:MOST_CLUSTERS]
    ]
    return ClusterSheet(layer, clusters, max(len(largest) - MOST_CLUSTERS, 0))


def _cluster(
    number: int, members: list[tuple[float, str]], names: Mapping[str, str], gallery: Gallery
) -> Cluster:
    labels = {image_id: [names[c] for c in gallery.labels(image_id) if c in names] for _, image_id in members}
    counts = Counter(name for own in labels.values() for name in own)
    label, count = min(counts.items(), key=lambda item: (-item[1], item[0])) if counts else ("", 0)
    tiles = []
    for _, image_id in members[:ACROSS]:
        own = labels[image_id]
        mark = "" if not label or not own else "hit" if label in own else "miss"
        said = ", ".join(own)
        caption = said if mark == "miss" else ""
        tiles.append(
            gallery.tile(image_id, mark=mark, caption=caption, alt=f"{image_id}: {said or 'no label'}")
        )
    return Cluster(number, len(members), label, count / len(members), tiles)
