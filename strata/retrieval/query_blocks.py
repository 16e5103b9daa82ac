"""Runs queries against one layer, a block at a time, and gathers what each task makes of their rankings.

Spaces: ``full`` (exact search on the descriptors, or by regions for boxed queries), ``pca`` (exact search
on the reduced vectors) and ``in_cluster`` (the same, but only pictures in the query's own KMeans cluster
are ranked and the rest are never found).

Where a query has positives its scores with all pictures are needed (``judged_runs``); where no query has
any, only its neighbours are (``strata.retrieval.search``), in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from strata.base.track import Track
from strata.retrieval.aggregate import FULL, IN_CLUSTER, PCA
from strata.retrieval.boxes import DetectionScores, top_detections, winning_boxes
from strata.retrieval.detection import TopDetections
from strata.retrieval.judging import Block, Outcomes, Rankings, judge_full, judge_reduced
from strata.retrieval.layer_vectors import Frames, Layer
from strata.retrieval.per_query_measures import NEIGHBOURS, Outcome
from strata.retrieval.queries import Database, Query, QuerySet, Task
from strata.retrieval.ranking import Near, NearestOnly, Ranked
from strata.retrieval.region_matching import RegionStore, match_regions, query_vectors
from strata.retrieval.search import find_nearest
from strata.retrieval.similarity import (
    BYTES_A_SCORE,
    MOST_QUERIES,
    Floats32,
    Floats64,
    VectorIndex,
    queries_per_block,
    score_rows,
)
from strata.retrieval.topk import Neighbours, shown
from strata.settings.params import RetrieveParams

BYTES_WITH_REGION = 12  # of a score, the winning region, and both while they are put together


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
    """Scores of one block of queries. ``full``: (Q, N); ``winners``: (Q, N) index of each picture's best
    region, None where no regions were looked at; ``top``: the best boxes, those of query i in its row
    ``top_rows[i]``."""

    full: Floats32
    winners: npt.NDArray[np.int32] | None
    top: TopDetections | None
    top_rows: npt.NDArray[np.int64]


def run_queries(search: Search, query_set: QuerySet, track: Track) -> list[TaskRun]:
    """Rank the queries once and score them by every task of the set."""
    runs = [TaskRun(task, Neighbours(task.name), _detection_scores(search, task)) for task in query_set.tasks]
    judged = search.regions is not None or any(task.graded for task in query_set.tasks)
    step = _queries_at_once(search) if judged else MOST_QUERIES
    starts = range(0, len(query_set.queries), step)
    for start in track(starts, total=len(starts), desc="retrieve: blocks of queries"):
        queries = query_set.queries[start : start + step]
        indices = range(start, start + len(queries))
        block = Block(queries, [[run.task.judge(index) for run in runs] for index in indices])
        if judged:
            _rank_block(search, query_set, runs, block, start)
        else:
            _search_block(search, runs, block)
    return runs


def _rank_block(
    search: Search, query_set: QuerySet, runs: Sequence[TaskRun], block: Block, start: int
) -> None:
    """Score all pictures, first in the full space, then (its scores are gone) in the reduced one."""
    _rank_full(search, query_set, runs, block, start)
    reduced = score_rows(search.layer.reduced, _rows(block.queries))
    _judge_reduced(search, runs, block, lambda row: Ranked(reduced[row]))


def _rank_full(
    search: Search, query_set: QuerySet, runs: Sequence[TaskRun], block: Block, start: int
) -> None:
    top = _room_for_boxes(search, query_set, block.queries) if any(run.detections for run in runs) else None
    scores = score_block(search, block.queries, top)
    near, outcomes = judge_full(
        block, lambda row: Ranked(scores.full[row]), search.layer, search.params.top_k
    )
    _keep(runs, FULL, outcomes)
    _keep_neighbours(search, runs, block, near, scores.winners)
    _keep_detections(search, runs, block, start, scores)


def _search_block(search: Search, runs: Sequence[TaskRun], block: Block) -> None:
    """Look for the nearest pictures alone: no query has a positive."""
    full = _nearest(search, search.layer.full, block, search.params.top_k + block.most_hidden)
    near, outcomes = judge_full(block, full, search.layer, search.params.top_k)
    _keep_neighbours(search, runs, block, near, None)
    _keep(runs, FULL, outcomes)
    reduced = _nearest(search, search.layer.reduced, block, NEIGHBOURS + block.most_skipped)
    _judge_reduced(search, runs, block, reduced)


def score_block(search: Search, block: Sequence[Query], top: TopDetections | None = None) -> BlockScores:
    """Score every picture for a block of queries, boxed ones by regions if there are any; fills ``top``."""
    layer, rows = search.layer, _rows(block)
    if search.regions is None:
        return BlockScores(score_rows(layer.full, rows), None, None, rows)
    regional = np.array([query.boxed for query in block], np.bool_)
    full = np.empty((len(block), len(layer.full.candidates)), np.float32)
    winners = np.zeros(full.shape, np.int32)
    full[~regional] = score_rows(layer.full, rows[~regional])
    if regional.any():
        vectors = query_vectors(search.regions, rows[regional])
        found = match_regions(
            search.regions, vectors, layer.full.candidates, search.params.budget_mib, top.add if top else None
        )
        full[regional], winners[regional] = found.scores, found.regions
    return BlockScores(full, winners, top, np.cumsum(regional) - 1)


def _nearest(search: Search, index: VectorIndex, block: Block, count: int) -> Rankings:
    rows = _rows(block.queries)
    found = find_nearest(index, rows, count, search.params.budget_mib)

    def ranking(row: int) -> NearestOnly:
        answered = bool(rows[row] >= 0 and index.usable[rows[row]])
        return NearestOnly(found[row], index.candidates, answered)

    return ranking


def _keep(runs: Sequence[TaskRun], space: str, outcomes: Outcomes) -> None:
    for run, found in zip(runs, zip(*outcomes, strict=True), strict=True):
        run.outcomes[space].extend(found)


def _judge_reduced(search: Search, runs: Sequence[TaskRun], block: Block, ranking: Rankings) -> None:
    everywhere, inside = judge_reduced(block, ranking, search.layer)
    _keep(runs, PCA, everywhere)
    _keep(runs, IN_CLUSTER, inside)


def _keep_neighbours(
    search: Search,
    runs: Sequence[TaskRun],
    block: Block,
    near: Sequence[Near],
    winners: npt.NDArray[np.int32] | None,
) -> None:
    """The pictures that are shown, without those that are hidden in a task."""
    for row, (query, judged, found) in enumerate(zip(block.queries, block.judged, near, strict=True)):
        for run, judgement in zip(runs, judged, strict=True):
            kept = shown(found.places, judgement)[: search.params.top_k]
            places, scores = found.places[kept], found.scores[kept]
            boxes: Floats64 = np.full((len(places), 4), np.nan)
            if search.regions is not None and winners is not None and query.boxed:
                boxes = winning_boxes(search.regions, search.frames, places, winners[row, places])
            run.neighbours.add(query.query_id, places, scores, judgement, boxes)


def _keep_detections(
    search: Search, runs: Sequence[TaskRun], block: Block, start: int, scores: BlockScores
) -> None:
    """The boxes found for the queries of a block, the first of which has the index ``start``."""
    for row, (query, judged) in enumerate(zip(block.queries, block.judged, strict=True)):
        for run, judgement in zip(runs, judged, strict=True):
            if run.detections is not None and scores.top is not None and query.boxed:
                top_row = int(scores.top_rows[row])
                run.detections.add(query, run.task, start + row, judgement, scores.top, top_row)


def _rows(queries: Sequence[Query]) -> npt.NDArray[np.int64]:
    return np.array([query.row for query in queries], np.int64)


def _queries_at_once(search: Search) -> int:
    a_score = BYTES_A_SCORE if search.regions is None else BYTES_WITH_REGION
    return queries_per_block(len(search.database.image_ids), search.params.budget_mib, a_score)


def _detection_scores(search: Search, task: Task) -> DetectionScores | None:
    if search.regions is None or not task.boxes:
        return None
    return DetectionScores(search.regions, search.frames, search.database)


def _room_for_boxes(search: Search, query_set: QuerySet, block: Sequence[Query]) -> TopDetections | None:
    if search.regions is None:
        return None
    return top_detections(search.regions, query_set, sum(query.boxed for query in block))
