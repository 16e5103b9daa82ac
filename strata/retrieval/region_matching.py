"""A query box is matched with the regions of every picture: a picture is as near as its best region.

score(query, picture) = max over the picture's valid regions of cosine(query vector, region vector). The
query vector is the maximum over the regions of the query's own row (its crop, or the part of the map in its
box). With centring, the database mean of those maxima is subtracted from query and region vectors first.
Regions without a valid position (NaN: letterbox padding) never win. Of equal regions the first, hence the
larger, wins.

The regions are R-MAC's (``strata.maps.rmac_regions``), so the boxes found are few and square. A layer of
kind ``vector`` has none. Pictures are read in blocks from memory-mapped arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from strata.base.files import read_json
from strata.maps.features import read_layer_array, read_layer_info
from strata.maps.geometry import map_boxes_to_pictures, view_transform
from strata.maps.rmac_regions import region_boxes
from strata.maps.stored_layers import StoredLayer, stored_regions
from strata.measures.boxes import overlapping
from strata.retrieval.detection import MOST_BOXES, TopDetections
from strata.retrieval.matching import Detections
from strata.retrieval.queries import ABSENT, Positions, Query
from strata.retrieval.similarity import UNRANKED, Floats32, Floats64
from strata.settings.params import View

BYTES_A_NUMBER = 24  # of a region vector while it is worked on: float32, float64 and temporaries
BYTES_A_SCORE = 48  # of a region's score while boxes are kept from it
OnBlock = Callable[[int, Floats32], None]


@dataclass(frozen=True)
class Frames:
    """What turns a region of a map into pixels of a picture. ``sizes``: (N, 2) width, height by position;
    ``size_px``: the side of the view."""

    sizes: npt.NDArray[np.int64]
    view: View
    size_px: int

    @cached_property
    def transforms(self) -> Floats64:
        """(N, 4) ``view_transform`` of every picture, worked out when the first box is asked for."""
        rows = [
            view_transform(width, height, self.size_px, self.view) for width, height in self.sizes.tolist()
        ]
        return np.array(rows, np.float64).reshape(-1, 4)


def read_frames(features: Path, sizes: npt.NDArray[np.int64]) -> Frames:
    """Frames of pictures of ``sizes`` (N, 2), with the view that ``extract`` used (``view.json``)."""
    used = read_json(features / "view.json")
    return Frames(sizes, used["view"], used["size_px"])


@dataclass(frozen=True)
class RegionStore:
    """The regions of ``levels`` R-MAC levels of one layer; ``center``: (C,) float64 to subtract, or None."""

    layer: StoredLayer
    levels: int
    center: Floats64 | None

    @cached_property
    def cells(self) -> npt.NDArray[np.int64]:
        """(R, 4) column0, row0, column1, row1 in map cells."""
        _, row, col, size = region_boxes(self.layer.info.height, self.layer.info.width, self.levels).T
        return np.stack([col, row, col + size, row + size], axis=1)

    def read(self, rows: slice | npt.NDArray[np.int64]) -> Floats32:
        """(B, R, C) float32 region maxima of some rows, NaN where a region has no valid position."""
        return stored_regions(self.layer, rows, self.levels)

    def boxes(self, regions: npt.NDArray[np.integer] | slice, frames: Frames, places: Positions) -> Floats64:
        """(M, 4) in pixels: region ``regions[i]`` of the picture at ``places[i]``; (M, R, 4) for a slice."""
        cells, info = self.cells[regions], self.layer.info
        transforms, sizes = frames.transforms[places], frames.sizes[places]
        if isinstance(regions, slice):
            cells, transforms, sizes = cells[None], transforms[:, None], sizes[:, None]
        return map_boxes_to_pictures(cells, info.height, info.width, transforms, sizes, frames.size_px)


@dataclass(frozen=True)
class RegionScores:
    """``scores``: (Q, N) float32 cosine of the best region, -inf if there is none; ``regions``: its index."""

    scores: Floats32
    regions: npt.NDArray[np.int32]


@dataclass(frozen=True)
class RegionMatcher:
    """Boxed queries by the best region of every picture (a ``matching.BoxMatcher``)."""

    store: RegionStore
    frames: Frames
    candidates: npt.NDArray[np.bool_]
    budget_mib: int
    name: str = "region"
    bytes_a_score: int = 12  # the score, the winning region, and both while they are put together
    boxes_are: str = "R-MAC regions"

    @property
    def policies(self) -> Mapping[str, str]:
        """Regions are always compared by the cosine."""
        return {"metric": "cosine"}

    def takes(self, query: Query) -> bool:
        """Whole pictures have no box to look for."""
        return query.boxed

    def match(self, queries: Sequence[Query], left_out: int | None) -> RegionMatches:
        """Match some queries; keeps the first 1,000 boxes of each if detections are asked for."""
        vectors = query_vectors(self.store, np.array([query.row for query in queries], np.int64))
        cells, top = self.store.cells, None
        if left_out is not None:
            top = TopDetections(len(queries), overlapping(cells), MOST_BOXES + left_out * len(cells))
        found = match_regions(self.store, vectors, self.candidates, self.budget_mib, top.add if top else None)
        return RegionMatches(self, found.scores, found.regions, top)

    def reachable_boxes(self, places: Positions) -> Floats64:
        """(M, R, 4) boxes in pixels of all regions of the pictures at ``places`` (M,), NaN where ABSENT."""
        boxes = self.store.boxes(slice(None), self.frames, places)
        boxes[places == ABSENT] = np.nan
        return boxes


@dataclass(frozen=True)
class RegionMatches:
    """What was found. ``winners``: (Q, N) each picture's best region; ``top``: the best boxes if detections
    were asked for."""

    matcher: RegionMatcher
    scores: Floats32
    winners: npt.NDArray[np.int32]
    top: TopDetections | None

    def boxes(self, query: int, places: Positions) -> Floats64:
        """(K, 4) in pixels: the best region of each picture at ``places`` (K,)."""
        return self.matcher.store.boxes(self.winners[query, places], self.matcher.frames, places)

    def detections(self, query: int, without: Positions) -> Detections:
        """The best regions of one query on other pictures than ``without``."""
        if self.top is None:
            raise ValueError("no detections were asked for")
        pictures, regions = self.top.of_query(query, without)
        return Detections(pictures, self.matcher.store.boxes(regions, self.matcher.frames, pictures))


def open_regions(
    features: Path, layer: str, levels: int, ranked: npt.NDArray[np.bool_], *, center: bool
) -> RegionStore | None:
    """The regions of ``levels`` R-MAC levels of a layer, None if it has no map; see ``region_store``."""
    info = read_layer_info(features, layer)
    if info.kind == "vector":
        return None
    array = read_layer_array(features, layer, info.kind)
    return region_store(StoredLayer(info, {info.kind: array}), levels, ranked, center=center)


def region_store(
    layer: StoredLayer, levels: int, ranked: npt.NDArray[np.bool_], *, center: bool
) -> RegionStore:
    """The regions of a layer that has a map; ``ranked`` : (N,) bool, which pictures (the first N rows) the
    mean is taken over."""
    store = RegionStore(layer, levels, None)
    return RegionStore(layer, levels, _mean_of_maxima(store, ranked)) if center else store


def query_vectors(store: RegionStore, rows: npt.NDArray[np.int64]) -> Floats64:
    """(Q, C) float64, L2-normalised: the maximum over each row's regions.

    NaN for a row below 0 (absent) and for one without a valid region.
    """
    vectors = np.full((len(rows), store.layer.info.channels), np.nan)
    present = rows >= 0
    if present.any():
        vectors[present] = np.fmax.reduce(store.read(rows[present]), axis=1)
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
        vectors = _unit(store.read(slice(start, stop)), store.center)
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
    info, regions = store.layer.info, len(store.cells)
    positions = max(regions, info.height * info.width if info.kind == "map" else 0)
    bytes_a_picture = positions * info.channels * BYTES_A_NUMBER + n_queries * regions * BYTES_A_SCORE
    return max(1, budget_mib * 2**20 // bytes_a_picture)


def _mean_of_maxima(store: RegionStore, ranked: npt.NDArray[np.bool_]) -> Floats64:
    """(C,) float64: the mean over the database of each picture's maximum over its regions."""
    total, count = np.zeros(store.layer.info.channels), 0
    step = pictures_per_block(store, 0, 64)
    for start in range(0, len(ranked), step):
        stop = min(start + step, len(ranked))
        maxima = np.fmax.reduce(store.read(slice(start, stop)), axis=1).astype(np.float64)
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
