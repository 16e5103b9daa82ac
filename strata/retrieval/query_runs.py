"""Runs queries against one layer, a block at a time, and gathers what each task makes of their rankings.

Spaces: ``full`` (exact search on the descriptors, or by regions for boxed queries), ``pca`` (exact search
on the reduced vectors) and ``in_cluster`` (the same, but only pictures in the query's own KMeans cluster
are ranked and the rest are never found).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from strata.params import RetrieveParams
from strata.retrieval.aggregate import FULL, IN_CLUSTER, PCA
from strata.retrieval.boxes import DetectionScores, top_detections, winning_boxes
from strata.retrieval.detection import TopDetections
from strata.retrieval.inputs import Frames, Layer
from strata.retrieval.neighbours import Neighbours, nearest
from strata.retrieval.per_query import NEIGHBOURS, Outcome, judge_order, without
from strata.retrieval.protocols import Database, Judgement, Positions, Query, QuerySet, Task
from strata.retrieval.ranking import Floats32, queries_per_block, rank_by_score, score_rows
from strata.retrieval.regions_match import RegionStore, match_regions, query_vectors
from strata.track import Track


@dataclass(frozen=True)
class Search:
    """What a query is run against; ``regions``: None where whole pictures are compared."""

    layer: Layer
    regions: RegionStore | None
    database: Database
    frames: Frames
    params: RetrieveParams


@dataclass
class TaskRun:
    """What is gathered for one task while its queries go by; ``detections``: None without boxes to find."""

    task: Task
    neighbours: Neighbours
    detections: DetectionScores | None
    outcomes: dict[str, list[Outcome]] = field(default_factory=lambda: {FULL: [], PCA: [], IN_CLUSTER: []})


@dataclass(frozen=True)
class BlockScores:
    """Scores of one block of queries, (Q, N) each. ``winners``: index of each picture's best region, where
    regions were looked at; ``top``: the best boxes, those of query i in its row ``top_rows[i]``."""

    full: Floats32
    pca: Floats32
    winners: npt.NDArray[np.int32]
    top: TopDetections | None
    top_rows: npt.NDArray[np.int64]


def run_queries(search: Search, query_set: QuerySet, track: Track) -> list[TaskRun]:
    """Rank the queries once and score them by every task of the set."""
    runs = [TaskRun(task, Neighbours(task.name), _detection_scores(search, task)) for task in query_set.tasks]
    queries = query_set.queries
    step = queries_per_block(len(search.database.image_ids), search.params.budget_mib)
    starts = range(0, len(queries), step)
    for start in track(starts, total=len(starts), desc="retrieve: blocks of queries"):
        block = queries[start : start + step]
        top = _room_for_boxes(search, query_set, block) if any(run.detections for run in runs) else None
        scores = score_block(search, block, top)
        for row, query in enumerate(block):
            _judge_query(search, runs, query, start + row, scores, row)
    return runs


def score_block(search: Search, block: Sequence[Query], top: TopDetections | None = None) -> BlockScores:
    """Score every picture for a block of queries, boxed ones by regions if there are any; fills ``top``."""
    layer = search.layer
    rows = np.array([query.row for query in block], np.int64)
    regional = np.array([_by_region(search, query) for query in block], np.bool_)
    full = np.empty((len(block), len(layer.full.candidates)), np.float32)
    winners = np.zeros(full.shape, np.int32)
    full[~regional] = score_rows(layer.full, rows[~regional])
    if search.regions is not None and regional.any():
        vectors = query_vectors(search.regions, rows[regional])
        found = match_regions(
            search.regions, vectors, layer.full.candidates, search.params.budget_mib, top.add if top else None
        )
        full[regional], winners[regional] = found.scores, found.regions
    return BlockScores(full, score_rows(layer.reduced, rows), winners, top, np.cumsum(regional) - 1)


def _judge_query(
    search: Search, runs: Sequence[TaskRun], query: Query, index: int, scores: BlockScores, row: int
) -> None:
    """Let every task judge query ``index``, which is ``row`` of the block."""
    n_database = len(search.database.image_ids)
    order, reduced = rank_by_score(scores.full[row]), rank_by_score(scores.pca[row])
    inside = _inside_cluster(search.layer, query, reduced)
    for run in runs:
        judged = run.task.judge(index)
        near = nearest(order, judged, n_database, search.params.top_k)
        boxes = _boxes(search, query, near, scores.winners[row, near])
        run.neighbours.add(query.query_id, near, scores.full[row, near], judged, boxes)
        if run.detections is not None and scores.top is not None and _by_region(search, query):
            run.detections.add(query, run.task, index, judged, scores.top, int(scores.top_rows[row]))
        kept = _share_kept(search.layer, query, reduced, judged)
        run.outcomes[FULL].append(judge_order(query, order, judged, n_database))
        run.outcomes[PCA].append(judge_order(query, reduced, judged, n_database))
        run.outcomes[IN_CLUSTER].append(judge_order(query, inside, judged, n_database, kept))


def _by_region(search: Search, query: Query) -> bool:
    return search.regions is not None and query.boxed


def _boxes(
    search: Search, query: Query, near: Positions, winners: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    if search.regions is None or not query.boxed:
        return np.full((len(near), 4), np.nan)
    return winning_boxes(search.regions, search.frames, near, winners)


def _inside_cluster(layer: Layer, query: Query, order: Positions) -> Positions:
    if query.row < 0:
        return order  # nothing was ranked for it
    inside: Positions = order[layer.clusters[order] == layer.clusters[query.row]]
    return inside


def _share_kept(layer: Layer, query: Query, order: Positions, judged: Judgement) -> float:
    """Share of the ten nearest by exact search that lie in the query's cluster; NaN if there are none."""
    near = without(order, judged.skipped, len(layer.full.candidates))[:NEIGHBOURS]
    if not len(near):
        return math.nan
    return float(np.mean(layer.clusters[near] == layer.clusters[query.row]))


def _detection_scores(search: Search, task: Task) -> DetectionScores | None:
    if search.regions is None or not task.boxes:
        return None
    return DetectionScores(search.regions, search.frames, search.database)


def _room_for_boxes(search: Search, query_set: QuerySet, block: Sequence[Query]) -> TopDetections | None:
    if search.regions is None:
        return None
    return top_detections(search.regions, query_set, sum(query.boxed for query in block))
