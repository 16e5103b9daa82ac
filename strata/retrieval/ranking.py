"""Exact search: every query against every picture, in blocks, in an order that cannot wobble.

Scores are computed in float64 and rounded to float32. The rounding swallows what differs between one blocking
of the product and another, so pictures with equal vectors tie exactly, and ties go to the lower position (the
lower image_id, as pictures are sorted by it). Block sizes are constants or follow from a tracked parameter.

Memory: one block of queries x all pictures. A million pictures need 12 MB a query; an N x N matrix never
exists. Not done here: approximate search, and anything about relevance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats32 = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Metric = Literal["cosine", "euclidean"]

DATABASE_BLOCK = 4096  # pictures in one product; constant, so that the same sums are taken on every run
MOST_QUERIES = 1024  # in one block, however large the budget
BYTES_A_SCORE = 12  # two spaces of float32 scores, the winning region, and slack
EQUAL = 1e-12  # squared distances below this share of the squared lengths are rounding: the vectors are equal
UNRANKED = np.float32(-np.inf)


@dataclass(frozen=True)
class VectorIndex:
    """Vectors of one layer, pictures first, then query crops.

    ``vectors``: (M, D) float32; ``norms``: (M,) float64 L2 norms; ``usable``: (M,) bool, which vectors say
    anything; ``candidates``: (N,) bool, which of the first N rows can be ranked.
    """

    vectors: Floats32
    norms: Floats64
    usable: npt.NDArray[np.bool_]
    candidates: npt.NDArray[np.bool_]
    metric: Metric


def queries_per_block(n_database: int, budget_mib: int) -> int:
    """How many queries are scored together so that their scores stay within ``budget_mib``; at least one."""
    return int(np.clip(budget_mib * 2**20 // (BYTES_A_SCORE * max(n_database, 1)), 1, MOST_QUERIES))


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

    rows : (Q,) row numbers, -1 for a query that has none. Returns (Q, N) float32: the cosine, or minus the
    Euclidean distance; -inf where query or picture cannot be ranked.
    """
    answered = (rows >= 0) & index.usable[rows]
    queries = np.where(answered[:, None], index.vectors[rows], 0.0).astype(np.float64)
    lengths = np.where(answered, index.norms[rows], 0.0)
    scores = np.empty((len(rows), len(index.candidates)), np.float32)
    for start in range(0, len(index.candidates), DATABASE_BLOCK):
        block = slice(start, min(start + DATABASE_BLOCK, len(index.candidates)))
        usable = index.candidates[block]
        vectors = np.where(usable[:, None], index.vectors[block], 0.0).astype(np.float64)
        norms = np.where(usable, index.norms[block], 0.0)
        if index.metric == "cosine":
            scores[:, block] = _unit(queries, lengths) @ _unit(vectors, norms).T
        else:
            scores[:, block] = -_distances(queries, lengths, vectors, norms)
    scores[:, ~index.candidates] = UNRANKED
    scores[~answered] = UNRANKED
    return scores


def rank_by_score(scores: Floats32) -> Positions:
    """Positions of one query's (N,) float32 scores from best to worst, without those at -inf.

    Equal scores stand in order of position. Score and position are packed into one 64-bit key, so the keys
    are unique and numpy's fastest sort gives the stable order. N is below 2^32.
    """
    bits = (scores + np.float32(0)).view(np.uint32)  # + 0 turns -0.0 into 0.0
    negative = bits >> np.uint32(31) != 0
    ascending = np.where(negative, ~bits, bits | np.uint32(0x80000000))
    keys = (~ascending).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(len(scores), dtype=np.uint64)
    keys.sort()
    ranked = int(np.count_nonzero(scores > UNRANKED))
    return (keys[:ranked] & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _norms(vectors: npt.NDArray[Any]) -> Floats64:
    exact = np.asarray(vectors, np.float64)
    result: Floats64 = np.sqrt(np.einsum("nd,nd->n", exact, exact))
    return result


def _unit(vectors: Floats64, norms: Floats64) -> Floats64:
    result: Floats64 = vectors / np.where(norms > 0, norms, 1.0)[:, None]
    return result


def _distances(queries: Floats64, lengths: Floats64, vectors: Floats64, norms: Floats64) -> Floats64:
    """(Q, B) Euclidean distances from |q|^2 + |x|^2 - 2 q.x; what cancels down to rounding is exactly 0."""
    squares = lengths[:, None] ** 2 + norms[None, :] ** 2
    squared = squares - 2 * (queries @ vectors.T)
    squared[squared < EQUAL * squares] = 0.0
    result: Floats64 = np.sqrt(squared)
    return result
