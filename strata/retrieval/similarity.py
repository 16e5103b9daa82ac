"""Exact search: every query against every picture, in blocks, in an order that cannot wobble.

Scores are computed in float64 and rounded to float32. The rounding swallows what differs between one blocking
of the product and another, so pictures with equal vectors tie exactly, and ties go to the lower position (the
lower image_id, as pictures are sorted by it). Block sizes are constants or follow from a tracked parameter.

Memory: one block of queries x all pictures. A million pictures need 4 MB a query; an N x N matrix never
exists. Not done here: approximate search, and anything about relevance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from strata.base.threads import MOST_THREADS, in_order

Floats32 = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Metric = Literal["cosine", "euclidean"]

DATABASE_BLOCK = 1024  # pictures in one product; constant, so that the same sums are taken on every run
STRANDS = MOST_THREADS  # shares of the blocks; each makes its own room once
MOST_QUERIES = 1024  # in one block, however large the budget
BYTES_A_SCORE = 4  # float32
EQUAL = 1e-12  # squared distances below this share of the squared lengths are rounding: the vectors are equal
UNRANKED = np.float32(-np.inf)


@dataclass(frozen=True)
class VectorIndex:
    """Vectors of one layer, pictures first, then query crops.

    ``vectors``: (M, D) float32; ``norms``: (M,) float64 L2 norms; ``usable``: (M,) bool, which vectors say
    anything; ``candidates``: (N,) bool, which of the first N rows can be ranked; ``answers``: similarities
    (N,) by the row of a query, where they are not those of the vectors (``postprocessing``).
    """

    vectors: Floats32
    norms: Floats64
    usable: npt.NDArray[np.bool_]
    candidates: npt.NDArray[np.bool_]
    metric: Metric
    answers: Mapping[int, Floats32] | None = None


@dataclass(frozen=True)
class QueryVectors:
    """``vectors``: (Q, D) float64, of length 1 for the cosine, 0 where ``answered`` (Q,) is false;
    ``lengths``: (Q,) float64 of the vectors as they were."""

    vectors: Floats64
    lengths: Floats64
    answered: npt.NDArray[np.bool_]

    def one(self, query: int) -> QueryVectors:
        """A single query."""
        only = slice(query, query + 1)
        return QueryVectors(self.vectors[only], self.lengths[only], self.answered[only])


def queries_per_block(n_database: int, budget_mib: int, bytes_a_score: int = BYTES_A_SCORE) -> int:
    """How many queries are scored together so that their scores stay within ``budget_mib``; at least one."""
    return int(np.clip(budget_mib * 2**20 // (bytes_a_score * max(n_database, 1)), 1, MOST_QUERIES))


def build_index(
    vectors: Floats32,
    metric: Metric,
    ranked: npt.NDArray[np.bool_],
    usable: npt.NDArray[np.bool_] | None = None,
) -> VectorIndex:
    """Measure every vector's length; nothing is copied.

    ranked : (N,) bool, which of the first N rows belong to the database. usable : (M,) bool; by default the
    rows whose vector is finite and not zero: a descriptor of nothing (no valid position) is the zero
    vector.
    """
    norms = np.empty(len(vectors), np.float64)
    for start in range(0, len(vectors), DATABASE_BLOCK):
        norms[start : start + DATABASE_BLOCK] = _norms(vectors[start : start + DATABASE_BLOCK])
    finite = np.isfinite(norms)
    said = finite & (norms > 0) if usable is None else finite & usable
    return VectorIndex(vectors, norms, said, ranked & said[: len(ranked)], metric)


def score_rows(index: VectorIndex, rows: Positions) -> Floats32:
    """Similarity of some rows (queries) with every picture, higher is nearer.

    rows : (Q,) row numbers, -1 for a query that has none. All cores share the work, a block of pictures
    each; hold BLAS to one thread (``strata.base.threads``). Returns (Q, N) float32: the cosine, or minus the
    Euclidean distance; -inf where query or picture cannot be ranked.
    """
    queries, n_database = read_queries(index, rows), len(index.candidates)
    scores = np.empty((len(rows), n_database), np.float32)
    if index.answers is not None:
        for place, row in enumerate(rows.tolist()):
            scores[place] = index.answers[row] if queries.answered[place] else UNRANKED
        return scores
    starts = range(0, n_database, DATABASE_BLOCK)

    def fill(mine: range) -> None:
        room = Room(index, len(rows), min(DATABASE_BLOCK, n_database))
        for start in mine:
            block = slice(start, min(start + DATABASE_BLOCK, n_database))
            score_block(index, queries, block, scores[:, block], room)

    for _ in in_order(fill, [starts[strand::STRANDS] for strand in range(min(STRANDS, len(starts)))]):
        pass
    scores[~queries.answered] = UNRANKED
    return scores


def score_pictures(index: VectorIndex, query: QueryVectors, places: Positions) -> Floats32:
    """(M,) the scores that ``score_rows`` gives the pictures at ``places`` (M,) for a single query."""
    scores: Floats32 = np.empty(len(places), np.float32)
    score_block(index, query, places, scores[None], Room(index, 1, len(places)))
    return scores


class Room:
    """What a thread works in, made once: memory that is given back after every block has to be cleared again
    by the system, which takes as long as the product."""

    def __init__(self, index: VectorIndex, n_queries: int, n_pictures: int) -> None:
        self._vectors = np.empty((n_pictures, index.vectors.shape[1]))
        self._products = np.empty(n_queries * n_pictures)

    def vectors(self, index: VectorIndex, places: slice | Positions) -> Floats64:
        """(B, D) the vectors of some pictures, 0 for one that is not ranked."""
        ranked = index.candidates[places]
        vectors = self._vectors[: len(ranked)]
        vectors[:] = index.vectors[places]
        vectors[~ranked] = 0.0
        return vectors

    def products(self, queries: Floats64, vectors: Floats64) -> Floats64:
        """(Q, B) the inner products of (Q, D) and (B, D)."""
        shape = len(queries), len(vectors)
        room = self._products[: shape[0] * shape[1]].reshape(shape)
        return np.matmul(queries, vectors.T, out=room)


def read_queries(index: VectorIndex, rows: Positions) -> QueryVectors:
    """The vectors of some rows, -1 for a query that has none."""
    answered = (rows >= 0) & index.usable[rows]
    vectors = np.where(answered[:, None], index.vectors[rows], 0.0).astype(np.float64)
    lengths = np.where(answered, index.norms[rows], 0.0)
    if index.metric == "cosine":
        vectors /= nonzero(lengths)[:, None]
    return QueryVectors(vectors, lengths, answered)


def score_block(
    index: VectorIndex, queries: QueryVectors, places: slice | Positions, scores: Floats32, room: Room
) -> None:
    """Fill ``scores`` (Q, B) with the similarities of ``queries`` and the pictures at ``places``."""
    ranked = index.candidates[places]
    norms = np.where(ranked, index.norms[places], 0.0)
    products = room.products(queries.vectors, room.vectors(index, places))
    if index.metric == "cosine":
        products /= nonzero(norms)
    else:
        products = -_distances(products, queries.lengths, norms)
    scores[:] = products
    if not ranked.all():
        scores[:, ~ranked] = UNRANKED


def nonzero(norms: Floats64) -> Floats64:
    """Lengths to divide by: 1 for the zero vector, which stays what it is."""
    result: Floats64 = np.where(norms > 0, norms, 1.0)
    return result


def _norms(vectors: npt.NDArray[Any]) -> Floats64:
    exact = np.asarray(vectors, np.float64)
    result: Floats64 = np.sqrt(np.einsum("nd,nd->n", exact, exact))
    return result


def _distances(products: Floats64, lengths: Floats64, norms: Floats64) -> Floats64:
    """(Q, B) Euclidean distances from |q|^2 + |x|^2 - 2 q.x; what cancels down to rounding is exactly 0."""
    squares = lengths[:, None] ** 2 + norms[None, :] ** 2
    squared = squares - 2 * products
    squared[squared < EQUAL * squares] = 0.0
    result: Floats64 = np.sqrt(squared)
    return result
