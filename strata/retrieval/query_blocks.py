"""Runs queries against one layer, a block at a time, and gathers what each task makes of their rankings.

Spaces: ``full`` (exact search on the descriptors, or by regions for boxed queries), ``pca`` (exact search
on the reduced vectors) and ``in_cluster`` (the same, but only pictures in the query's own KMeans cluster
are ranked and the rest are never found).

Where a query has positives its scores with all pictures are needed (``matching``); where no query has any,
only its neighbours are (``search``), in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from strata.base.track import Track
from strata.retrieval.aggregate import FULL, IN_CLUSTER, PCA
from strata.retrieval.detection import DetectionScores, most_left_out
from strata.retrieval.judging import Block, Outcomes, Rankings, judge_full, judge_reduced
from strata.retrieval.layer_vectors import LayerVectors
from strata.retrieval.matching import BoxMatcher, Matches, bytes_a_score, match_queries
from strata.retrieval.per_query_measures import NEIGHBOURS, Outcome
from strata.retrieval.postprocessing import rescored
from strata.retrieval.queries import Database, Query, QuerySet, Task
from strata.retrieval.ranking import Near, NearestOnly, Ranked
from strata.retrieval.search import find_nearest
from strata.retrieval.similarity import MOST_QUERIES, VectorIndex, queries_per_block, score_rows
from strata.retrieval.topk import Neighbours, shown
from strata.settings.params import RetrieveParams


@dataclass(frozen=True)
class Search:
    """What queries are run against; ``matcher``: of boxed queries, None: whole pictures are compared."""

    layer: LayerVectors
    matcher: BoxMatcher | None
    database: Database
    params: RetrieveParams


@dataclass
class TaskRun:
    """What is gathered for one task while its queries go by; ``detections``: None without boxes to find."""

    task: Task
    neighbours: Neighbours
    detections: DetectionScores | None
    outcomes: dict[str, list[Outcome]] = field(default_factory=lambda: {FULL: [], PCA: [], IN_CLUSTER: []})


def run_queries(search: Search, query_set: QuerySet, track: Track) -> list[TaskRun]:
    """Rank the queries once and score them by every task of the set."""
    search = post_processed(search, query_set.queries)
    runs = [TaskRun(task, Neighbours(task.name), _detections(search, task)) for task in query_set.tasks]
    ranked = search.matcher is not None or search.layer.full.answers is not None
    judged = ranked or any(task.graded for task in query_set.tasks)
    n_pictures, score_bytes = len(search.database.image_ids), bytes_a_score(search.matcher)
    at_once = queries_per_block(n_pictures, search.params.budget_mib, score_bytes)
    step = at_once if judged else MOST_QUERIES
    count = len(query_set.queries)
    left_out = max((most_left_out(run.task, count) for run in runs if run.detections), default=None)
    starts = range(0, count, step)
    for start in track(starts, total=len(starts), desc="retrieve: blocks of queries"):
        queries = query_set.queries[start : start + step]
        indices = range(start, start + len(queries))
        judgements = [[run.task.judge(index) for run in runs] for index in indices]
        block = Block(queries, judgements, search.params.measures)
        if judged:
            _rank_block(search, runs, block, start, left_out)
        else:
            _search_block(search, runs, block)
    return runs


def post_processed(search: Search, queries: Sequence[Query]) -> Search:
    """The search with the answers of the queries that are compared as whole pictures, by ``postprocess``."""
    whole = [query for query in queries if search.matcher is None or not search.matcher.takes(query)]
    return replace(
        search, layer=replace(search.layer, full=rescored(search.layer.full, whole, search.params))
    )


def _rank_block(
    search: Search, runs: Sequence[TaskRun], block: Block, start: int, left_out: int | None
) -> None:
    """Score all pictures, first in the full space, then (its scores are gone) in the reduced one."""
    _rank_full(search, runs, block, start, left_out)
    reduced = score_rows(search.layer.reduced, _rows(block.queries))
    _judge_reduced(search, runs, block, lambda row: Ranked(reduced[row]))


def _rank_full(
    search: Search, runs: Sequence[TaskRun], block: Block, start: int, left_out: int | None
) -> None:
    found = match_queries(search.layer.full, search.matcher, block.queries, left_out)
    near, outcomes = judge_full(
        block, lambda row: Ranked(found.scores[row]), search.layer, search.params.top_k
    )
    _keep(runs, FULL, outcomes)
    _keep_neighbours(search, runs, block, near, found)
    _keep_detections(runs, block, start, found)


def _search_block(search: Search, runs: Sequence[TaskRun], block: Block) -> None:
    """Look for the nearest pictures alone: no query has a positive."""
    full = _nearest(search, search.layer.full, block, search.params.top_k + block.most_hidden)
    near, outcomes = judge_full(block, full, search.layer, search.params.top_k)
    _keep_neighbours(search, runs, block, near, None)
    _keep(runs, FULL, outcomes)
    reduced = _nearest(search, search.layer.reduced, block, NEIGHBOURS + block.most_skipped)
    _judge_reduced(search, runs, block, reduced)


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
    search: Search, runs: Sequence[TaskRun], block: Block, near: Sequence[Near], found: Matches | None
) -> None:
    """The pictures that are shown, without those that are hidden in a task, and where the query was found."""
    for row, (query, judged, nearest) in enumerate(zip(block.queries, block.judged, near, strict=True)):
        for run, judgement in zip(runs, judged, strict=True):
            kept = shown(nearest.places, judgement)[: search.params.top_k]
            places, scores = nearest.places[kept], nearest.scores[kept]
            boxes = np.full((len(places), 4), np.nan) if found is None else found.boxes(row, places)
            run.neighbours.add(query.query_id, places, scores, judgement, boxes)


def _keep_detections(runs: Sequence[TaskRun], block: Block, start: int, found: Matches) -> None:
    """The boxes found for the queries of a block, the first of which has the index ``start``."""
    for row, (query, judged) in enumerate(zip(block.queries, block.judged, strict=True)):
        for run, judgement in zip(runs, judged, strict=True):
            if run.detections is not None and query.boxed:
                run.detections.add(query, run.task, start + row, judgement, found, row)


def _rows(queries: Sequence[Query]) -> npt.NDArray[np.int64]:
    return np.array([query.row for query in queries], np.int64)


def _detections(search: Search, task: Task) -> DetectionScores | None:
    if search.matcher is None or not task.boxes:
        return None
    return DetectionScores(search.matcher, search.database)
