"""What a cell is worth: AP of every query, names by the nearest pictures, clusters beside classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from strata.descriptors.pooling import Floats
from strata.descriptors.transforms import spread
from strata.grid.asking import Asked, Questions
from strata.grid.cells import POSTPROCESSED, Cell
from strata.grouping.clustering import fit_clusters
from strata.maps.stored_layers import StoredLayer
from strata.measures.average_precision import measure_rankings
from strata.measures.chance import levels as chance_levels
from strata.retrieval.postprocessing import rescored
from strata.retrieval.queries import ABSENT
from strata.retrieval.ranking import Placed, Ranked
from strata.retrieval.region_matching import match_regions, query_vectors, region_store
from strata.retrieval.similarity import Floats32, build_index, queries_per_block, score_rows
from strata.settings.params import CLASS_TASK, ClusterParams, RetrieveParams

MAP, KNN, AMI = "map", "knn_accuracy", "ami"
NEAREST = 5  # pictures that name one
CLUSTERED = 5_000  # pictures at most, evenly spread; of a larger collection
FEW_STARTS = 3  # of KMeans do

Doubles = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


class Answer(NamedTuple):
    """What a cell scores in one measure of a task. ``values``: (Q,) one a query (NaN: it has none) or None
    where there is only the ``value`` of all; ``chance``: what guessing reaches."""

    cell: Cell
    task: str
    measure: str
    value: float
    values: Doubles | None
    chance: float | None


def ranked_answers(
    cell: Cell, vectors: Floats, asked: Questions, retrieve: RetrieveParams
) -> Iterator[Answer]:
    """AP of every task, and names by the nearest, of whole vectors (M, D)."""
    after = cell.treatment in POSTPROCESSED
    metric = "cosine" if after else retrieve.metric
    plain = build_index(vectors, metric, asked.database.ranked)
    retrieve = retrieve.model_copy(update={"postprocess": cell.treatment if after else "none"})
    for some in asked.sets:
        index = rescored(plain, some.queries.queries, retrieve)
        step = queries_per_block(len(index.candidates), retrieve.budget_mib)
        blocks = (score_rows(index, some.rows[start : start + step]) for start in _starts(some, step))
        yield from _answers(cell, some, index.candidates, blocks, asked.codes)


def region_answers(
    cell: Cell, layer: StoredLayer, asked: Questions, retrieve: RetrieveParams, levels: int
) -> Iterator[Answer]:
    """AP of the tasks whose queries all have a box, by the best region of every picture."""
    some, ranked = asked.own, asked.database.ranked
    if some is None or not some.boxed or layer.info.kind == "vector":
        return
    store = region_store(layer, levels, ranked, center=cell.treatment == "centred")
    found = match_regions(store, query_vectors(store, some.rows), ranked, retrieve.budget_mib)
    yield from _answers(cell, some, ranked, iter([found.scores]), asked.codes)


def cluster_answer(
    cell: Cell, reduced: Floats, asked: Questions, k: int, cluster: ClusterParams
) -> Answer | None:
    """AMI of KMeans of the reduced vectors (M, K) with the main facet, up to ``CLUSTERED`` pictures as
    ``cluster`` finds it; None without classes, or with fewer pictures than clusters."""
    from sklearn.metrics import adjusted_mutual_info_score

    pictures = np.flatnonzero(asked.database.ranked)
    places = spread(pictures, CLUSTERED)
    starts = cluster.restarts if len(places) == len(pictures) else min(cluster.restarts, FEW_STARTS)
    codes = asked.codes[places]
    labelled = codes >= 0
    if not labelled.any() or len(places) < k:
        return None
    clusters = fit_clusters(reduced[places], k, seed=cluster.seed, restarts=starts)
    value = adjusted_mutual_info_score(codes[labelled], clusters.labels[labelled])
    return Answer(cell, CLASS_TASK, AMI, float(value), None, 0.0)


def _starts(asked: Asked, step: int) -> range:
    return range(0, len(asked.queries.queries), step)


def _answers(
    cell: Cell,
    asked: Asked,
    candidates: npt.NDArray[np.bool_],
    blocks: Iterator[Floats32],
    codes: Codes,
) -> Iterator[Answer]:
    """Rank every query of ``blocks`` (each (q, N) similarities, in order) and score the rankings."""
    queries, tasks = asked.queries.queries, asked.queries.tasks
    placed: list[list[Placed]] = [[] for _ in tasks]
    named = any(task.name == CLASS_TASK for task in tasks)
    nearest = np.full((len(queries), NEAREST), ABSENT, np.int64)
    query = 0
    for scores in blocks:
        for row in scores:
            ranking = Ranked(row)
            for places, judged in zip(placed, asked.judged, strict=True):
                places.append(ranking.place(judged[query]))
            if named:
                near = ranking.best(NEAREST + 1).places
                near = near[near != queries[query].own][:NEAREST]
                nearest[query, : len(near)] = near
            query += 1
    whole = np.array([query.whole for query in queries], np.bool_)
    for task, places, judged in zip(tasks, placed, asked.judged, strict=True):
        total = np.array([one.n_positives for one in judged], np.int64)
        column = 0 if task.ap == "step" else 1
        values = measure_rankings([ranks for ranks, _ in places], total.tolist())[:, column]
        own = np.array([one.own_positive for one in judged], np.bool_) & whole
        n_found = np.array([len(ranks) for ranks, _ in places], np.int64)
        n_ranked = np.array([count for _, count in places], np.int64)
        chance = chance_levels(total, n_found, n_ranked, own)[f"chance_{task.ap}"]
        if not np.isnan(values).all():
            yield Answer(cell, task.name, MAP, _mean(values), values, _mean(chance))
    if named and (codes >= 0).any():
        own_codes = codes[[query.own for query in queries]]
        named_right = names_by_nearest(nearest, codes, own_codes)
        if not np.isnan(named_right).all():
            yield Answer(
                cell, CLASS_TASK, KNN, _mean(named_right), named_right, _largest_share(codes[candidates])
            )


def names_by_nearest(nearest: Codes, codes: Codes, own: Codes) -> Doubles:
    """(Q,) 1 where most of the nearest pictures have the query's class, else 0; NaN for a query without one.

    nearest : (Q, K) places of the nearest pictures, nearest first, ABSENT where there are fewer; codes : (N,)
    class of every picture, own : (Q,) of the queries, -1: none, which has no vote. Of classes with equally
    many votes that of the nearest picture counts.

    >>> names_by_nearest(np.array([[0, 1, 2], [2, 1, 0]]), np.array([4, 7, 7]), np.array([7, 4])).tolist()
    [1.0, 0.0]
    """
    votes = np.where(nearest == ABSENT, -1, codes[nearest])
    same = (votes[:, :, None] == votes[:, None, :]) & (votes >= 0)[:, None, :]
    counts = np.where(votes >= 0, same.sum(axis=2), 0)
    said = votes[np.arange(len(votes)), counts.argmax(axis=1)]
    return np.where(own >= 0, said == own, np.nan)


def _largest_share(codes: Codes) -> float | None:
    """What always naming the largest class scores."""
    known = codes[codes >= 0]
    return float(np.bincount(known).max() / len(known)) if len(known) else None


def _mean(values: Doubles) -> float:
    return float(np.nanmean(values))
