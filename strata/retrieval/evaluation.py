"""One layer's retrieval, whole: run the queries, sum up what the tasks found, name the policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from strata.base.threads import one_blas_thread
from strata.base.track import Track, no_track
from strata.measures.scores import Policy, Score, Scored
from strata.retrieval.aggregate import EUCLIDEAN_NOTE, IN_CLUSTER, PCA, task_scores
from strata.retrieval.layer_vectors import LayerVectors, box_matcher
from strata.retrieval.matching import BoxMatcher
from strata.retrieval.per_query_measures import outcome_table, schema_of
from strata.retrieval.postprocessing import described
from strata.retrieval.queries import Database, QuerySet, Task
from strata.retrieval.query_blocks import Search, TaskRun, run_queries
from strata.retrieval.region_matching import Frames
from strata.retrieval.topk import SCHEMA as TOPK_SCHEMA
from strata.settings.params import CLASS_TASK, QueryView, RetrieveParams

if TYPE_CHECKING:
    from strata.dense.search import DenseMatch


@dataclass(frozen=True)
class LayerResult:
    """``topk`` and ``per_query``: the two tables; ``scored``: the scores of every task and their policies."""

    topk: pa.Table
    per_query: pa.Table
    scored: Scored


def evaluate_layer(
    layer: LayerVectors,
    database: Database,
    query_sets: Sequence[QuerySet],
    params: RetrieveParams,
    query_view: QueryView,
    frames: Frames,
    track: Track = no_track,
    dense: DenseMatch | None = None,
) -> LayerResult:
    """Rank and score one layer; a set without queries leaves nothing.

    ``dense``: how details are found in a layer that has a dense index. All cores share the work; BLAS runs on
    one thread, as its sums may differ with their number.
    """
    topk, per_query = [TOPK_SCHEMA.empty_table()], [schema_of(params.measures).empty_table()]
    found = Scored()
    with one_blas_thread():
        for query_set in (some for some in query_sets if some.queries):
            matcher = _matcher(layer, query_set, database, params, frames, dense)
            search = Search(layer, matcher, database, params)
            for run in run_queries(search, query_set, track):
                spaces = _tables(run, params.measures)
                topk.append(run.neighbours.table(database.image_ids))
                per_query.extend(spaces.values())
                n_database = Score("n_database", int(layer.full.candidates.sum()))
                own = Scored([*task_scores(run.task.ap, spaces, params.measures), n_database])
                if run.detections is not None:
                    own += run.detections.scored()
                own += _policies(run.task, query_set, search, query_view)
                found += own.at(task=run.task.name)
    lengths = layer.full.norms[layer.full.usable]
    if params.metric == "euclidean" and np.abs(lengths - 1).max(initial=0) < 1e-4:
        found += Scored(policies=[Policy("euclidean_note", EUCLIDEAN_NOTE)])
    return LayerResult(pa.concat_tables(topk), pa.concat_tables(per_query), found)


def _matcher(
    layer: LayerVectors,
    query_set: QuerySet,
    database: Database,
    params: RetrieveParams,
    frames: Frames,
    dense: DenseMatch | None,
) -> BoxMatcher | None:
    """What the queries are matched by; None if none of them is. Those made of labels are whole pictures."""
    if all(task.name == CLASS_TASK for task in query_set.tasks):
        return None
    matcher = box_matcher(layer, database, frames, params, dense)
    return matcher if matcher and any(map(matcher.takes, query_set.queries)) else None


def _tables(run: TaskRun, named: Sequence[str]) -> dict[str, pa.Table]:
    """The per-query rows of each space; inside clusters, chance is that of ranking everything at random."""
    at_random = {**run.outcomes, IN_CLUSTER: run.outcomes[PCA]}
    return {
        space: outcome_table(run.task.name, space, outcomes, at_random[space], named)
        for space, outcomes in run.outcomes.items()
    }


def _policies(task: Task, query_set: QuerySet, search: Search, query_view: QueryView) -> Scored:
    """What changes the numbers, as text beside them."""
    boxed = sum(query.boxed for query in query_set.queries)
    whole = any(query.whole for query in query_set.queries)
    matcher, count = search.matcher, len(query_set.queries)
    inside = sum(map(matcher.takes, query_set.queries)) if matcher else 0
    texts = {
        "ap": task.ap,
        "junk": task.junk,
        "self_match": task.self_match,
        "query_view": _view(query_view, search.layer) if boxed else "whole",
        "match": _match(boxed, inside, count, search),
        "metric": search.params.metric,
        "chance": "own picture first" if task.self_match == "include" and whole else "uniform",
    }
    if matcher:
        texts |= matcher.policies
    if inside < count:
        texts["metric"] = search.params.metric
        if search.params.postprocess != "none":
            texts["postprocess"] = described(search.params.postprocess, search.params.methods)
    return Scored(policies=[Policy(name, text) for name, text in texts.items()])


def _view(query_view: QueryView, layer: LayerVectors) -> str:
    return "whole (the layer has no map)" if query_view == "roi" and not layer.has_map else query_view


def _match(boxed: int, inside: int, queries: int, search: Search) -> str:
    if search.matcher is None:
        lacking = search.params.match != "global" and boxed
        return "global (the layer has no map)" if lacking else "global"
    name = search.matcher.name
    return name if inside == queries else f"{name} for boxed queries, global for the others"
