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
    """``vectors``: (N, D) float32 of the pictures that can be ranked; ``norms``: (N,) float64 L2 norms;
    ``usable``: (N,) bool, false where a vector is not finite."""

    vectors: Floats32
    norms: Floats64
    usable: npt.NDArray[np.bool_]
    metric: Metric


def queries_per_block(n_database: int, budget_mib: int) -> int:
    """How many queries are scored together so that their scores stay within ``budget_mib``; at least one."""
    return int(np.clip(budget_mib * 2**20 // (BYTES_A_SCORE * max(n_database, 1)), 1, MOST_QUERIES))


def build_index(vectors: Floats32, metric: Metric) -> VectorIndex:
    """Measure every vector's length; nothing is copied."""
    norms = np.empty(len(vectors), np.float64)
    for start in range(0, len(vectors), DATABASE_BLOCK):
        norms[start : start + DATABASE_BLOCK] = _norms(vectors[start : start + DATABASE_BLOCK])
    return VectorIndex(vectors, norms, np.isfinite(norms), metric)


def score_all(index: VectorIndex, queries: npt.NDArray[Any]) -> Floats32:
    """Similarity of every query with every picture, higher is nearer.

    queries : (Q, D) float. Returns (Q, N) float32: the cosine, or minus the Euclidean distance. -inf where
    the picture's or the query's vector is not finite: such a pair is not ranked. A zero vector has cosine
    0.
    """
    wanted = np.asarray(queries, np.float64)
    lengths = _norms(wanted)
    answered = np.isfinite(lengths)
    wanted = np.where(answered[:, None], wanted, 0.0)
    lengths = np.where(answered, lengths, 0.0)
    scores = np.empty((len(wanted), len(index.vectors)), np.float32)
    for start in range(0, len(index.vectors), DATABASE_BLOCK):
        block = slice(start, start + DATABASE_BLOCK)
        usable = index.usable[block]
        vectors = np.where(usable[:, None], index.vectors[block], 0.0).astype(np.float64)
        norms = np.where(usable, index.norms[block], 0.0)
        if index.metric == "cosine":
            scores[:, block] = _unit(wanted, lengths) @ _unit(vectors, norms).T
        else:
            scores[:, block] = -_distances(wanted, lengths, vectors, norms)
    scores[:, ~index.usable] = UNRANKED
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
