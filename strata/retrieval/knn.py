"""The k nearest database vectors of many vectors, exact: what expansion, re-ranking and diffusion start from.

``own`` (Q,) int64 is the place of a query's own picture in the database, ``NO_ROW`` for a query from outside.
A query's own picture is no neighbour of it (with (Q, H) places, none of them). The zero vector (a descriptor
of nothing) is nobody's neighbour and has none.

Scores are those of ``score_rows``: cosines that do not depend on how they were blocked, ties in order of
place. A search of the whole database for itself grows with the square of its size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.base.threads import one_blas_thread
from strata.retrieval.similarity import UNRANKED, VectorIndex, build_index, score_rows

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

NO_ROW = -1
BLOCK_BYTES = 64 * 2**20  # of scores held at once


@dataclass(frozen=True)
class Neighbours:
    """``places``: (Q, K) int64 in the database, nearest first; ``scores``: (Q, K) float32, their cosines,
    -inf where there are fewer than K neighbours (the place means nothing then); ``lowest``: (Q,) float32, the
    cosine with the farthest vector of the database."""

    places: Rows
    scores: Floats
    lowest: Floats


def cosines(queries: Floats, database: Floats) -> Floats:
    """(Q, D), (N, D) -> (Q, N) float32: the baseline; -inf where either is the zero vector."""
    with one_blas_thread():
        return score_rows(*_stacked(queries, database))


def nearest(queries: Floats, database: Floats, own: Rows, k: int) -> Neighbours:
    """The first ``k`` (or all) database vectors for each query, its own picture left out."""
    k = min(k, len(database))
    places = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), np.float32)
    lowest = np.empty(len(queries), np.float32)
    hidden = own[:, None] if own.ndim == 1 else own
    for block, block_scores in cosine_blocks(queries, database):
        lowest[block] = block_scores.min(axis=1, initial=1, where=block_scores > UNRANKED)
        for row, some in enumerate(block_scores, block.start):
            some[hidden[row][hidden[row] != NO_ROW]] = UNRANKED
            places[row] = _first(some, k)
            scores[row] = some[places[row]]
    return Neighbours(places, scores, lowest)


def cosine_blocks(queries: Floats, database: Floats) -> Iterator[tuple[slice, Floats]]:
    """``cosines`` of some queries after the other, never more than ``BLOCK_BYTES`` at once."""
    index, rows = _stacked(queries, database)
    step = max(1, BLOCK_BYTES // (4 * max(len(database), 1)))
    with one_blas_thread():
        for start in range(0, len(rows), step):
            yield slice(start, min(start + step, len(rows))), score_rows(index, rows[start : start + step])


def powers(scores: Floats, exponent: float) -> npt.NDArray[np.float64]:
    """Weights of neighbours: cosine^exponent, 0 at a right angle or more, whatever the exponent."""
    positive = scores > 0
    return np.where(positive, np.where(positive, scores, 1).astype(np.float64) ** exponent, 0.0)


def _stacked(queries: Floats, database: Floats) -> tuple[VectorIndex, Rows]:
    """One index of both, and the rows of the queries in it; queries that are the database are not copied."""
    ranked = np.ones(len(database), np.bool_)
    if queries is database:
        return build_index(database, "cosine", ranked), np.arange(len(database))
    index = build_index(np.concatenate([database, queries]).astype(np.float32, copy=False), "cosine", ranked)
    return index, np.arange(len(database), len(database) + len(queries))


def _first(scores: Floats, k: int) -> Rows:
    """(N,) -> (k,) places of the highest scores, best first, equal ones in order of place."""
    if k == 0:
        return np.zeros(0, np.int64)
    bar = np.partition(scores, len(scores) - k)[len(scores) - k]
    held = np.flatnonzero(scores >= bar)
    return held[np.argsort(-scores[held], kind="stable")[:k]]
