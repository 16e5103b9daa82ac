"""Cluster sheets: rows of eight pictures of one cluster, the ones nearest to its centre, and all of them on
a page of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strata.base.files import read_table
from strata.collection.facets import Integers
from strata.report.thumbnails import Gallery, Tile

ACROSS = 8
MOST_CLUSTERS = 32
MOST_PICTURES = 2000  # of a collection whose clusters are shown whole


@dataclass(frozen=True)
class Cluster:
    """``label``: the class most of its pictures have, "" without labels; ``share``: how many, 0 to 1;
    ``word``: without labels the word that most of its pictures are nearest to, and their share."""

    number: int
    size: int
    label: str
    share: float
    tiles: list[Tile]
    word: tuple[str, float] | None = None


@dataclass(frozen=True)
class ClusterSheet:
    """The clusters of one layer, largest first; ``hidden`` counts those not shown."""

    layer: str
    clusters: list[Cluster]
    hidden: int


@dataclass(frozen=True)
class NearestWords:
    """The word that every picture was given by text: ``words`` (N,) of ``image_ids`` (N,)."""

    prompt_set: str
    image_ids: pa.Array
    words: pa.Array

    def of(self, members: pa.Array) -> tuple[str, float] | None:
        """The commonest word of some pictures and their share, of equals the first by name."""
        places = pc.index_in(members, value_set=self.image_ids)
        counts = Counter(self.words.take(places.drop_null()).to_pylist())
        word, count = min(counts.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
        return (word, count / len(members)) if count else None


def nearest_words(folder: Path, prompt_sets: Sequence[str]) -> NearestWords | None:
    """From what the zero-shot stage left in ``folder``; the first of ``prompt_sets`` that has texts."""
    columns = read_table(folder / "columns.parquet", ["prompt_set", "class_id", "name"]).to_pylist()
    for name in prompt_sets:
        words = {row["class_id"]: row["name"] for row in columns if row["prompt_set"] == name}
        if words:
            table = read_table(folder / "predictions.parquet", ["prompt_set", "image_id", "predicted"])
            own = table.filter(pc.equal(table["prompt_set"], name)).combine_chunks()
            places = pc.index_in(own["predicted"], value_set=pa.array(list(words), pa.string()))
            named = pa.array(list(words.values()), pa.string()).take(places.combine_chunks())
            return NearestWords(name, own["image_id"].combine_chunks(), named)
    return None


def cluster_sheet(
    folder: Path,
    layer: str,
    names: Mapping[str, str],
    gallery: Gallery,
    words: NearestWords | None = None,
    shown: tuple[int, int] = (MOST_CLUSTERS, ACROSS),
) -> ClusterSheet:
    """The clusters in ``FOLDER/LAYER.parquet``. ``names``: class_id -> name, of one facet only; ``words``
    name what has no label; ``shown``: at most so many clusters, and pictures of each."""
    table = read_table(folder / f"{layer}.parquet", ["image_id", "cluster", "distance"])
    table = table.sort_by([(name, "ascending") for name in ("cluster", "distance", "image_id")])
    numbers, starts, sizes = np.unique(table["cluster"].to_numpy(), return_index=True, return_counts=True)
    largest = sorted(range(len(numbers)), key=lambda at: (-sizes[at], numbers[at]))
    image_ids = table["image_id"].combine_chunks()
    owners, codes = gallery.label_pairs(image_ids, list(names))
    bounds = np.searchsorted(owners, np.append(starts, len(image_ids)))
    clusters = []
    for at in largest[: shown[0]]:
        members = image_ids.slice(starts[at], sizes[at])
        in_class = np.bincount(codes[bounds[at] : bounds[at + 1]], minlength=len(names))
        label, share = _commonest(in_class, names, len(members))
        tiles = list(_tiles(members[: shown[1]], label, names, gallery))
        word = words.of(members) if words and not label else None
        clusters.append(Cluster(int(numbers[at]), len(members), label, share, tiles, word))
    return ClusterSheet(layer, clusters, max(len(largest) - shown[0], 0))


def shown_whole(pictures: int, layers: int) -> tuple[int, int]:
    """How many clusters and pictures of each the page of all clusters shows: all of them, of a collection of
    more than ``MOST_PICTURES`` as many as keep the page small.

    >>> shown_whole(324, 5)
    (324, 324)
    >>> shown_whole(50_000, 5)
    (32, 12)
    """
    if pictures <= MOST_PICTURES:
        return pictures, pictures
    return MOST_CLUSTERS, max(MOST_PICTURES // (MOST_CLUSTERS * layers), ACROSS)


def _commonest(in_class: Integers, names: Mapping[str, str], size: int) -> tuple[str, float]:
    """The label of most pictures and its share; ``in_class``: how many have each of ``names``."""
    counts: Counter[str] = Counter()  # classes may share a name
    for name, count in zip(names.values(), in_class.tolist(), strict=True):
        counts[name] += count
    label, count = min(counts.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
    return label if count else "", count / size


def _tiles(members: pa.Array, label: str, names: Mapping[str, str], gallery: Gallery) -> Iterator[Tile]:
    for image_id in members.to_pylist():
        own = [names[c] for c in gallery.labels(image_id) if c in names]
        mark = "" if not label or not own else "hit" if label in own else "miss"
        said = ", ".join(own)
        alt = f"{image_id}: {said or 'no label'}"
        yield gallery.tile(image_id, mark=mark, caption=said if mark == "miss" else "", alt=alt)
