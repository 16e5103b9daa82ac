"""A picture is as near as its best region: matching a boxed query against the stored regions of every
picture.

score(query, picture) = max over the picture's valid regions of cosine(query vector, region vector). The
query vector is the maximum over the regions of the query's own row (its crop, or the part of the map in its
box). With centring, the database mean of those maxima is subtracted from query and region vectors first.
Regions without a valid position (NaN: letterbox padding) never win. Of equal regions the first, hence the
larger, wins.

A layer of kind ``regions`` has them stored, of kind ``map`` they are taken from the map; a ``vector`` has
none. Pictures are read in blocks from memory-mapped arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from strata.maps.features import read_layer_array, read_layer_info
from strata.maps.rmac_regions import region_boxes, region_maxima
from strata.retrieval.similarity import UNRANKED, Floats32, Floats64

BYTES_A_NUMBER = 24  # of a region vector while it is worked on: float32, float64 and temporaries
BYTES_A_SCORE = 48  # of a region's score while boxes are kept from it
OnBlock = Callable[[int, Floats32], None]


@dataclass(frozen=True)
class RegionStore:
    """One layer's regions. ``boxes``: (R, 4) int64 level, row, col, size in cells of the ``height`` x
    ``width`` map; ``center``: (C,) float64 to subtract, or None."""

    array: npt.NDArray[Any]
    is_map: bool
    height: int
    width: int
    boxes: npt.NDArray[np.int64]
    center: Floats64 | None

    @property
    def cells(self) -> npt.NDArray[np.int64]:
        """(R, 4) column0, row0, column1, row1 in map cells."""
        _, row, col, size = self.boxes.T
        return np.stack([col, row, col + size, row + size], axis=1)


@dataclass(frozen=True)
class RegionScores:
    """``scores``: (Q, N) float32 cosine of the best region, -inf if there is none; ``regions``: its index."""

    scores: Floats32
    regions: npt.NDArray[np.int32]


def open_regions(
    features: Path, layer: str, levels: int, ranked: npt.NDArray[np.bool_], *, center: bool
) -> RegionStore | None:
    """The regions of ``levels`` R-MAC levels of a layer, None if it has no map; ``ranked`` : (N,) bool, which
    pictures (the first N rows) the mean is taken over."""
    info = read_layer_info(features, layer)
    if info.kind == "vector":
        return None
    boxes = region_boxes(info.height, info.width, levels)
    array = read_layer_array(features, layer, "map" if info.kind == "map" else "regions")
    store = RegionStore(array, info.kind == "map", info.height, info.width, boxes, None)
    if not center:
        return store
    mean = _mean_of_maxima(store, ranked)
    return RegionStore(store.array, store.is_map, info.height, info.width, boxes, mean)


def read_regions(store: RegionStore, rows: slice | npt.NDArray[np.int64]) -> Floats32:
    """(B, R, C) float32 region maxima of some rows, NaN where a region has no valid position."""
    if not store.is_map:
        return np.asarray(store.array[rows, : len(store.boxes)], np.float32)
    maps = np.asarray(store.array[rows], np.float32)
    return region_maxima(maps.reshape(len(maps), store.height, store.width, -1), store.boxes)


def query_vectors(store: RegionStore, rows: npt.NDArray[np.int64]) -> Floats64:
    """(Q, C) float64, L2-normalised: the maximum over each row's regions.

    NaN for a row below 0 (absent) and for one without a valid region.
    """
    vectors = np.full((len(rows), store.array.shape[-1]), np.nan)
    present = rows >= 0
    if present.any():
        vectors[present] = np.fmax.reduce(read_regions(store, rows[present]), axis=1)
    return _unit(vectors, store.center)


def match_regions(
    store: RegionStore,
    queries: Floats64,
    candidates: npt.NDArray[np.bool_],
    budget_mib: int,
    on_block: OnBlock | None = None,
) -> RegionScores:
    """Score every picture (the first N rows) by its best region.

    queries : (Q, C) of ``query_vectors``; candidates : (N,) bool, the others score -inf. ``on_block(start,
    scores)`` sees every block's (Q, B, R) float32 scores of all regions, for pictures ``start`` to ``start
    + B``.
    """
    n_database = len(candidates)
    answered = np.asarray(np.isfinite(queries).all(axis=1))
    wanted = np.where(answered[:, None], queries, 0.0)
    scores = np.full((len(queries), n_database), UNRANKED)
    winners = np.zeros((len(queries), n_database), np.int32)
    step = pictures_per_block(store, len(queries), budget_mib)
    for start in range(0, n_database, step):
        stop = min(start + step, n_database)
        vectors = _unit(read_regions(store, slice(start, stop)), store.center)
        valid = np.asarray(np.isfinite(vectors).all(axis=2))
        valid[~candidates[start:stop]] = False
        flat = np.where(valid[..., None], vectors, 0.0).reshape(-1, vectors.shape[2])
        block = (wanted @ flat.T).astype(np.float32).reshape(len(queries), *valid.shape)
        block[:, ~valid] = UNRANKED
        block[~answered] = UNRANKED
        best = block.argmax(axis=2)
        winners[:, start:stop] = best
        scores[:, start:stop] = np.take_along_axis(block, best[..., None], axis=2)[..., 0]
        if on_block is not None:
            on_block(start, block)
    return RegionScores(scores, winners)


def pictures_per_block(store: RegionStore, n_queries: int, budget_mib: int) -> int:
    """How many pictures' regions are worked on at a time within ``budget_mib``; at least one."""
    regions, channels = len(store.boxes), store.array.shape[-1]
    positions = max(regions, store.array.shape[1])
    bytes_a_picture = positions * channels * BYTES_A_NUMBER + n_queries * regions * BYTES_A_SCORE
    return max(1, budget_mib * 2**20 // bytes_a_picture)


def _mean_of_maxima(store: RegionStore, ranked: npt.NDArray[np.bool_]) -> Floats64:
    """(C,) float64: the mean over the database of each picture's maximum over its regions."""
    total, count = np.zeros(store.array.shape[-1]), 0
    step = pictures_per_block(store, 0, 64)
    for start in range(0, len(ranked), step):
        stop = min(start + step, len(ranked))
        maxima = np.fmax.reduce(read_regions(store, slice(start, stop)), axis=1).astype(np.float64)
        kept = maxima[ranked[start:stop] & np.isfinite(maxima).all(axis=1)]
        total += kept.sum(axis=0)
        count += len(kept)
    return total / max(count, 1)


def _unit(vectors: npt.NDArray[Any], center: Floats64 | None) -> Floats64:
    """float64, centred and L2-normalised along the last axis; zero vectors stay zero, NaN stays NaN."""
    exact = vectors.astype(np.float64)
    if center is not None:
        exact -= center
    norms = np.sqrt(np.einsum("...c,...c->...", exact, exact))
    exact /= np.where(norms > 0, norms, 1.0)[..., None]
    return exact
