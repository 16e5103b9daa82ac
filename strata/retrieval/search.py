"""Exact nearest pictures of many queries, for when nothing but the nearest is asked for.

Two steps. A product in float32, at the full speed of the processor, leaves for each query the pictures that
may be among its first k: those whose rough score is not further below the k-th best rough score than both
can be wrong. Their scores are then computed in float64 as ``strata.retrieval.similarity`` does, so the result
is that of the full ranking, ties by position included, and depends on no blocks, threads or processor.

The bound on the rough score is the textbook's (Higham, Accuracy and Stability of Numerical Algorithms, 3.1):
a product of D terms in float32, in any order, is wrong by at most D u / (1 - D u) of the lengths' product,
u = 2^-24. A query that keeps more than it should even so (a collection of copies) is ranked in full.

Memory: a product of at most PANEL queries x BLOCK pictures a thread, and some multiple of k a query. The
vectors are read once a panel.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from strata.base.threads import MOST_THREADS, in_order
from strata.retrieval.queries import ABSENT, NONE_FOUND, Judgement, Positions
from strata.retrieval.ranking import Near, Placed, Ranked, indices_of
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
    score_rows,
)

BLOCK = 2048  # pictures in one product
PANEL = 1024  # most queries in one product
UNIT = 2.0**-24  # unit roundoff of float32
NEARLY_ONE = 2.0**-20  # lengths this close to 1 are left as they are in the rough product
BYTES_A_CANDIDATE = 12  # rough score and position
BYTES_A_PRODUCT = 5  # and whether it is above the bar


@dataclass(frozen=True)
class Nearest:
    """The first k pictures of Q queries. ``places``: (Q, k) positions, nearest first, ABSENT where there are
    fewer; ``scores``: (Q, k) float32, -inf there."""

    places: Positions
    scores: Floats32


def find_nearest(index: VectorIndex, rows: Positions, k: int, budget_mib: int) -> Nearest:
    """The ``k`` nearest pictures of each query.

    rows : (Q,) row numbers, -1 for a query that has none. ``budget_mib`` bounds what is held beside the
    vectors and the result. All cores share the work, a block of pictures each; hold BLAS to one thread
    (``strata.base.threads``).
    """
    found = Nearest(np.full((len(rows), k), ABSENT, np.int64), np.full((len(rows), k), UNRANKED))
    answered = np.flatnonzero((rows >= 0) & index.usable[rows])
    step = _queries_at_once(k, budget_mib)
    for start in range(0, len(answered), step):
        _search_panel(index, rows, answered[start : start + step], budget_mib, found)
    return found


class NearestOnly:
    """The ranking of a query without positives, of which only the nearest pictures are known.

    near : the first of them; candidates : (N,) bool, which pictures were ranked; answered : was the query?
    """

    def __init__(self, near: Near, candidates: npt.NDArray[np.bool_], answered: bool) -> None:
        self._near = near
        self._candidates = candidates
        self._answered = answered

    def best(self, count: int) -> Near:
        """The first ``count`` pictures, or all there are."""
        return Near(self._near.places[:count], self._near.scores[:count])

    def place(self, judged: Judgement) -> Placed:
        """No positives; how many pictures were ranked."""
        return self._count(self._candidates, judged.skipped)

    def place_inside(self, members: Positions, judged: Judgement) -> Placed:
        """The same when only the pictures at ``members`` are ranked."""
        return self._count(self._candidates[members], indices_of(members, judged.skipped))

    def _count(self, candidates: npt.NDArray[np.bool_], skipped: Positions) -> Placed:
        count = np.count_nonzero(candidates) - np.count_nonzero(candidates[skipped])
        return Placed(NONE_FOUND, int(count) if self._answered else 0)


class _Hits(NamedTuple):
    """Pictures at ``places`` (H,) that may be near the queries ``owner`` (H,); rough ``scores``; in
    order of query, and of position within each."""

    owner: Positions
    places: Positions
    scores: Floats32


class _Candidates:
    """The pictures that may be among the first ``k`` of each query of a panel, while blocks go by.

    ``bar``: (Q,) rough scores at or below it are out; it only rises, so a thread that still has an older one
    finds more than it need, never less. ``crowded``: (Q,) queries that kept too many.
    """

    def __init__(self, n_queries: int, k: int, slack: float) -> None:
        self.k = k
        self.slack = np.float32(slack)
        self.most = _most_kept(k)
        self.scores = np.full((n_queries, self.most + BLOCK), UNRANKED)
        self.places = np.zeros(self.scores.shape, np.int64)
        self.counts = np.zeros(n_queries, np.int64)
        self.bar: Floats32 = np.full(n_queries, UNRANKED)
        self.crowded = np.zeros(n_queries, np.bool_)

    def add(self, hits: _Hits) -> None:
        """Take in what was found in a block; blocks come in order."""
        self._append(hits.owner, hits.places, hits.scores)
        if self.counts.max() > self.most:
            self.drop_far()

    def drop_far(self) -> None:
        """Raise the bars to what is known by now and drop what is below."""
        used = int(self.counts.max())
        held = self.scores[:, :used]
        if used >= self.k:
            kth = np.partition(held, used - self.k, axis=1)[:, used - self.k]
            self.bar = np.nextafter(kth - self.slack, UNRANKED)  # what lies on it stays
            self.bar[self.crowded] = np.inf
        stays = np.flatnonzero(held > self.bar[:, None])
        owner, slot = np.divmod(stays, max(used, 1))
        scores, places = held[owner, slot], self.places[owner, slot]
        held[:] = UNRANKED
        self.counts[:] = 0
        self._append(owner, places, scores)
        self._give_up(self.counts > self.most)

    def _append(self, owner: Positions, places: Positions, scores: Floats32) -> None:
        new = np.bincount(owner, minlength=len(self.counts))
        slot = (self.counts - np.cumsum(new) + new)[owner] + np.arange(len(owner))
        self.scores[owner, slot] = scores
        self.places[owner, slot] = places
        self.counts += new

    def _give_up(self, crowded: npt.NDArray[np.bool_]) -> None:
        self.crowded |= crowded
        self.bar[crowded] = np.inf
        self.scores[crowded] = UNRANKED
        self.counts[crowded] = 0


def _search_panel(
    index: VectorIndex, rows: Positions, panel: Positions, budget_mib: int, found: Nearest
) -> None:
    """Fill the rows ``panel`` (P,) of ``found``."""
    k = found.places.shape[1]
    queries = read_queries(index, rows[panel])
    candidates = _Candidates(len(panel), k, _slack(index))
    rough = _Rough(index, queries)
    starts = range(0, len(index.candidates), BLOCK)
    for start in starts[:1]:
        candidates.add(rough.hits(start, candidates.bar))
        candidates.drop_far()  # from here on there is a bar
    for hits in in_order(lambda start: rough.hits(start, candidates.bar), starts[1:]):
        candidates.add(hits)
    candidates.drop_far()
    for query, count in enumerate(candidates.counts.tolist()):
        if not candidates.crowded[query]:
            places = candidates.places[query, :count]
            scores = candidates.scores[query, :count]
            if index.metric == "cosine":
                scores = _exact_scores(index, queries, query, places)
            _keep(found, int(panel[query]), places, scores)
    crowded = panel[candidates.crowded]
    step = queries_per_block(len(index.candidates), budget_mib)
    for start in range(0, len(crowded), step):
        some = crowded[start : start + step]
        for query, scores in zip(some.tolist(), score_rows(index, rows[some]), strict=True):
            near = Ranked(scores).best(k)
            _keep(found, query, near.places, near.scores)


class _Rough:
    """Rough scores of a block of pictures, in room that each thread keeps.

    Distances are exact at once: what cancels in them leaves no useful bound.
    """

    def __init__(self, index: VectorIndex, queries: QueryVectors) -> None:
        self._index = index
        self._queries = queries
        self._single = queries.vectors.astype(np.float32)
        self._kept = threading.local()

    def hits(self, start: int, bar: Floats32) -> _Hits:
        """The pictures of the block at ``start`` whose rough scores are above the ``bar`` (Q,)."""
        block = slice(start, min(start + BLOCK, len(self._index.candidates)))
        scores = self._scores(block)
        hits = np.flatnonzero(scores > bar[:, None])
        owner, column = np.divmod(hits, scores.shape[1])
        return _Hits(owner, start + column, scores.reshape(-1)[hits])

    def _scores(self, block: slice) -> Floats32:
        """(Q, B), valid until this thread's next call."""
        count, index = len(self._single), self._index
        if not hasattr(self._kept, "space"):
            self._kept.space = np.empty(count * BLOCK, np.float32)
            self._kept.room = None if index.metric == "cosine" else Room(index, count, BLOCK)
        scores: Floats32 = self._kept.space[: count * (block.stop - block.start)].reshape(count, -1)
        if self._kept.room is not None:
            score_block(index, self._queries, block, scores, self._kept.room)
            return scores
        np.matmul(self._single, self._units(block).T, out=scores)
        if not index.candidates[block].all():
            scores[:, ~index.candidates[block]] = UNRANKED
        return scores

    def _units(self, block: slice) -> Floats32:
        """(B, D) the pictures' vectors, as they are where they have length 1."""
        vectors, norms = self._index.vectors[block], self._index.norms[block]
        ranked = self._index.candidates[block]
        if ranked.all() and np.abs(norms - 1).max() <= NEARLY_ONE:
            return vectors
        lengths = nonzero(np.where(ranked, norms, 0.0))
        units: Floats32 = (np.where(ranked[:, None], vectors, 0) / lengths[:, None]).astype(np.float32)
        return units


def _slack(index: VectorIndex) -> float:
    """How far a picture of the first k may lie below the k-th best rough score: both may be wrong, and
    scores that are rounded to the same float32 count as equal."""
    if index.metric != "cosine":
        return 0.0
    terms = (index.vectors.shape[1] + 8) * UNIT  # 8: the rounding of both vectors and of the lengths
    return 2 * (terms / (1 - terms) + NEARLY_ONE) + 4 * UNIT


def _exact_scores(index: VectorIndex, queries: QueryVectors, query: int, places: Positions) -> Floats32:
    """(M,) the scores of some pictures as ``score_rows`` gives them."""
    chosen = VectorIndex(
        index.vectors[places],
        index.norms[places],
        index.usable[places],
        index.candidates[places],
        index.metric,
    )
    one = slice(query, query + 1)
    wanted = QueryVectors(queries.vectors[one], queries.lengths[one], queries.answered[one])
    scores: Floats32 = np.empty((1, len(places)), np.float32)
    score_block(chosen, wanted, slice(0, len(places)), scores, Room(index, 1, len(places)))
    return scores.reshape(-1)


def _keep(found: Nearest, query: int, places: Positions, scores: Floats32) -> None:
    """Store the best; ``places`` ascend or stand in order already, so that a stable sort breaks ties."""
    best = np.argsort(-scores, kind="stable")[: found.places.shape[1]]
    found.places[query, : len(best)] = places[best]
    found.scores[query, : len(best)] = scores[best]


def _most_kept(k: int) -> int:
    """Candidates a query may hold after a block before the far ones are dropped."""
    return 4 * k + 256


def _queries_at_once(k: int, budget_mib: int) -> int:
    held = (_most_kept(k) + BLOCK) * BYTES_A_CANDIDATE
    products = MOST_THREADS * BLOCK * BYTES_A_PRODUCT
    return int(np.clip(budget_mib * 2**20 // (held + products), 1, PANEL))
