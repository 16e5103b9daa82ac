"""Reads what earlier stages left of one layer: descriptors, reduced vectors, clusters, regions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from strata.base.files import read_array, read_table
from strata.dense.indexing import indexed_layers
from strata.descriptors.vectors import read_vectors
from strata.maps.features import read_layer_info
from strata.retrieval.matching import BoxMatcher
from strata.retrieval.queries import Database, Positions
from strata.retrieval.region_matching import Frames, RegionMatcher, RegionStore, open_regions
from strata.retrieval.similarity import DATABASE_BLOCK, Floats32, VectorIndex, build_index
from strata.settings.params import RetrieveParams

if TYPE_CHECKING:
    from strata.dense.search import DenseMatch


@dataclass(frozen=True)
class Folders:
    """Where the stages before ``retrieve`` wrote."""

    features: Path
    descriptors: Path
    reduced: Path
    clusters: Path
    index: Path


@dataclass(frozen=True)
class LayerVectors:
    """``full``, ``reduced``: descriptors and their PCA; ``clusters``: (M,) cluster of every row, a query
    crop's by the nearest centroid; ``regions``: None where whole pictures are compared; ``dense``: where the
    layer's dense index is, None where it is not asked for or there is none; ``has_map``: False for a layer of
    vectors, which cannot be limited to a box."""

    full: VectorIndex
    reduced: VectorIndex
    clusters: npt.NDArray[np.int32]
    regions: RegionStore | None
    has_map: bool
    dense: Path | None = None

    @cached_property
    def cluster_members(self) -> list[Positions]:
        """Sorted positions of the pictures of every cluster."""
        clusters = self.clusters[: len(self.full.candidates)]
        ends = np.cumsum(np.bincount(clusters, minlength=int(self.clusters.max(initial=-1)) + 1))
        return np.split(np.argsort(clusters, kind="stable"), ends[:-1])


def box_matcher(
    layer: LayerVectors, database: Database, frames: Frames, params: RetrieveParams, dense: DenseMatch | None
) -> BoxMatcher | None:
    """What boxed queries are matched by; None: by whole pictures, as all others are."""
    if layer.dense is not None and dense is not None:
        from strata.retrieval.dense_matching import open_dense  # torch, which no other match needs

        return open_dense(layer.dense, database, dense, own_counts=params.self_match == "include")
    if layer.regions is None:
        return None
    return RegionMatcher(layer.regions, frames, layer.full.candidates, params.budget_mib)


def read_layer(
    folders: Folders, name: str, database: Database, params: RetrieveParams, *, levels: int, center: bool
) -> LayerVectors:
    """One layer of a run, checked for nothing: the stages before have."""
    descriptors, reduced_vectors = (
        read_vectors(folder / f"{name}.parquet").values for folder in (folders.descriptors, folders.reduced)
    )
    full = build_index(descriptors, params.metric, database.ranked)
    reduced = build_index(reduced_vectors, params.metric, database.ranked, full.usable)
    store, dense = None, None
    if params.match == "dense" and name in indexed_layers(folders.index):
        dense = folders.index / name
    if params.match != "global" and dense is None:
        store = open_regions(folders.features, name, levels, database.ranked, center=center)
    has_map = read_layer_info(folders.features, name).kind != "vector"
    clusters = _clusters(folders.clusters, name, reduced.vectors)
    return LayerVectors(full, reduced, clusters, store, has_map, dense)


def _clusters(folder: Path, name: str, reduced: Floats32) -> npt.NDArray[np.int32]:
    table = read_table(folder / f"{name}.parquet", columns=["row", "cluster"])
    centroids = read_array(folder / f"{name}.centroids.npy").astype(np.float64)
    clusters = np.full(len(reduced), -1, np.int32)
    clusters[table["row"].to_numpy()] = table["cluster"].to_numpy()
    crops = np.flatnonzero(clusters < 0)
    for start in range(0, len(crops), DATABASE_BLOCK):
        rows = crops[start : start + DATABASE_BLOCK]
        vectors = reduced[rows].astype(np.float64)
        products = np.einsum("rd,kd->rk", vectors, centroids)  # not BLAS: the same sums on every machine
        offsets = np.einsum("kd,kd->k", centroids, centroids) - 2 * products
        clusters[rows] = offsets.argmin(axis=1)
    return clusters
