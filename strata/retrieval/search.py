"""Exact nearest pictures of many queries, for when nothing but the nearest is asked for.

For cosines a product in float32, at the full speed of the processor, leaves for each query the pictures that
may be among its first k: those whose rough score is not further below the k-th best one than both can be
wrong. Their scores are then computed in float64 as ``strata.retrieval.similarity`` does, so the result is
that of the full ranking, ties by position included, and depends on no blocks, threads or processor. Euclidean
distances are computed in float64 at once: what cancels in them leaves no useful bound. A query that too many
pictures are near to even so (a collection of copies) is ranked in full.

By hand, because faiss and torch.topk break ties anyhow, and selecting k from a block of 2,048 pictures takes
longer than its product (torch.topk 20 ms, the product 14); comparing with what is known takes 1.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from strata.base.threads import MOST_THREADS, in_order
from strata.retrieval.queries import NONE_FOUND, Positions
from strata.retrieval.ranking import Near, Ranked
from strata.retrieval.similarity import (
    UNRANKED,
    Floats32,
    QueryVectors,
    Room,
    VectorIndex,
    nonzero,
    queries_per_block,
    read_queries,
    score_block,
    score_pictures,
    score_rows,
)

BLOCK = 2048  # pictures in one product
PANEL = 1024  # most queries in one product
UNIT = 2.0**-24  # unit roundoff of float32
NEARLY_ONE = 2.0**-20  # lengths this close to 1 are left as they are in the rough product
LOWEST = np.finfo(np.float32).min  # above the score of what is not ranked
BYTES_A_HIT = 20  # query, position and rough score
BYTES_A_PRODUCT = 5  # rough score, and whether it is above the bar


def find_nearest(index: VectorIndex, rows: Positions, k: int, budget_mib: int) -> list[Near]:
    """The ``k`` nearest pictures of each query, fewer where there are fewer.

    rows : (Q,) row numbers, -1 for a query that has none (it finds nothing). ``budget_mib`` bounds what is
    held beside the vectors and the result. All cores share the work, a block of pictures each; hold BLAS to
    one thread (``strata.base.threads``).
    """
    found = [Near(NONE_FOUND, np.zeros(0, np.float32))] * len(rows)
    answered = np.flatnonzero((rows >= 0) & index.usable[rows])
    a_query = 2 * _most_kept(k) * BYTES_A_HIT + MOST_THREADS * BLOCK * BYTES_A_PRODUCT
    crowded: list[int] = []
    for panel in _parts(answered.tolist(), min(budget_mib * 2**20 // a_query, PANEL)):
        queries = read_queries(index, rows[panel])
        for row, (query, near) in enumerate(zip(panel, _shortlists(index, queries, k), strict=True)):
            if near is None:
                crowded.append(query)
                continue
            exact = index.metric == "euclidean"
            scores = near.scores if exact else score_pictures(index, queries.one(row), near.places)
            best = Ranked(scores).best(k)
            found[query] = Near(near.places[best.places], best.scores)
    for panel in _parts(crowded, queries_per_block(len(index.candidates), budget_mib)):
        for query, scores in zip(panel, score_rows(index, rows[panel]), strict=True):
            found[query] = Ranked(scores).best(k)
    return found


class _Hits(NamedTuple):
    """Pictures at ``places`` (H,) that may be near the queries ``owner`` (H,), and their rough ``scores``; in
    order of query, and of position within each."""

    owner: npt.NDArray[np.uint16]
    places: Positions
    scores: Floats32


def _shortlists(index: VectorIndex, queries: QueryVectors, k: int) -> list[Near | None]:
    """For each query all pictures that may be among its first ``k``, by position; None: they are too many.

    ``bar``: (Q,) what is below it is out. It only rises: a thread that still has an older one lets more in.
    """
    vectors, slack = queries.vectors.astype(np.float32), _slack(index)
    kept = threading.local()  # room given back after every block has to be cleared again by the system

    def rough_scores(start: int) -> Floats32:
        block = slice(start, min(start + BLOCK, len(index.candidates)))
        if not hasattr(kept, "room"):
            kept.room = Room(index, len(vectors), BLOCK)
            kept.scores = np.empty(len(vectors) * BLOCK, np.float32)
        scores: Floats32 = kept.scores[: len(vectors) * (block.stop - start)].reshape(len(vectors), -1)
        if index.metric == "euclidean":
            score_block(index, queries, block, scores, kept.room)
            return scores
        np.matmul(vectors, _units(index, block).T, out=scores)
        scores[:, ~index.candidates[block]] = UNRANKED
        return scores

    def above_bar(start: int, scores: Floats32) -> _Hits:
        hits = np.flatnonzero(scores >= bar[:, None])
        owner, column = np.divmod(hits, scores.shape[1])
        return _Hits(owner.astype(np.uint16), start + column, scores.reshape(-1)[hits])

    first = rough_scores(0)
    bar = _raised(np.full(len(vectors), LOWEST), first, k, slack)
    held = [above_bar(0, first)]
    starts = range(BLOCK, len(index.candidates), BLOCK)
    for hits in in_order(lambda start: above_bar(start, rough_scores(start)), starts):
        held.append(hits)
        if sum(len(some.owner) for some in held) > len(vectors) * _most_kept(k):
            near, bar = _drop_far(held, bar, k, slack)
            held = [near]
    near, bar = _drop_far(held, bar, k, slack)
    lists = (np.split(values, _ends(near.owner, len(bar))) for values in (near.places, near.scores))
    return [None if np.isposinf(least) else Near(*some) for least, *some in zip(bar, *lists, strict=True)]


def _drop_far(held: Sequence[_Hits], bar: Floats32, k: int, slack: float) -> tuple[_Hits, Floats32]:
    """Raise the bars to what is known by now and drop what is below; infinite for a crowded query."""
    owner, places, scores = (np.concatenate(parts) for parts in zip(*held, strict=True))
    order = np.argsort(owner, kind="stable")
    owner, places, scores = owner[order], places[order], scores[order]
    bar = _raised(bar, np.split(scores, _ends(owner, len(bar))), k, slack)
    counts = np.bincount(owner[scores >= bar[owner]], minlength=len(bar))
    bar[counts > _most_kept(k)] = np.inf
    stays = scores >= bar[owner]
    return _Hits(owner[stays], places[stays], scores[stays]), bar


def _raised(bar: Floats32, scores: Iterable[Floats32], k: int, slack: float) -> Floats32:
    """The bars, and at least as far below the k-th best of each query's ``scores`` as both may be wrong."""
    best = [np.partition(some, -k)[-k] if len(some) >= k else LOWEST for some in scores]
    raised: Floats32 = np.maximum(bar, np.array(best, np.float32) - np.float32(slack))
    return raised


def _slack(index: VectorIndex) -> float:
    """How far a picture of the first k may lie below the k-th best rough score.

    A product of D terms in float32, in any order, is wrong by at most D u / (1 - D u) of the lengths' product
    (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), and both may be; scores that are rounded to
    the same float32 count as equal.
    """
    if index.metric == "euclidean":
        return 0.0
    terms = (index.vectors.shape[1] + 8) * UNIT  # 8: the rounding of both vectors and of the lengths
    return 2 * (terms / (1 - terms) + NEARLY_ONE) + 4 * UNIT


def _units(index: VectorIndex, block: slice) -> Floats32:
    """(B, D) the pictures' vectors, as they are where they have length 1."""
    vectors, norms, ranked = index.vectors[block], index.norms[block], index.candidates[block]
    if ranked.all() and np.abs(norms - 1).max() <= NEARLY_ONE:
        return vectors
    lengths = nonzero(np.where(ranked, norms, 0.0))
    units: Floats32 = (np.where(ranked[:, None], vectors, 0) / lengths[:, None]).astype(np.float32)
    return units


def _ends(owner: npt.NDArray[np.uint16], n_queries: int) -> Positions:
    """Where the hits of each query but the last end."""
    return np.cumsum(np.bincount(owner, minlength=n_queries))[:-1]


def _most_kept(k: int) -> int:
    """Pictures that a query may be left with before it is ranked in full."""
    return 4 * k + 256


def _parts(queries: list[int], step: int) -> list[list[int]]:
    return [queries[start : start + max(step, 1)] for start in range(0, len(queries), max(step, 1))]
