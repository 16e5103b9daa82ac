"""Better vectors before the comparison: centring, query expansion, database augmentation, several sizes.

Vectors in, vectors of length 1 out; the zero vector (a descriptor of nothing) stays zero. What is fitted on
the evaluated collection is said in ``postprocessing``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from strata.descriptors.transforms import l2_normalised
from strata.retrieval.knn import Floats, Rows, nearest, powers

GATHERED_BYTES = 64 * 2**20  # of neighbours' vectors held at once


def database_mean(database: Floats) -> Floats:
    """(N, D) -> (D,) float32: the mean of the vectors that say anything."""
    known = database[_says_anything(database)]
    return np.asarray(known.sum(axis=0, dtype=np.float64) / max(len(known), 1), dtype=np.float32)


def centred(vectors: Floats, mean: Floats) -> Floats:
    """(N, D), (D,) -> (N, D) float32: ``mean`` subtracted, then L2 (Jegou and Chum 2012)."""
    return l2_normalised(np.where(_says_anything(vectors)[:, None], vectors - mean, np.float32(0)))


def multi_scale(sizes: Sequence[Floats]) -> Floats:
    """(N, D) of every picture size -> (N, D) float32: the L2-normalised vectors averaged, then L2.

    Radenovic, Tolias and Chum 2018, with a power of 1.

    >>> multi_scale([np.array([[2.0, 0.0]], np.float32), np.array([[0.0, 5.0]], np.float32)]).round(3)
    array([[0.707, 0.707]], dtype=float32)
    """
    return l2_normalised(np.mean([l2_normalised(vectors) for vectors in sizes], axis=0, dtype=np.float32))


def expand_queries(
    queries: Floats, database: Floats, own: Rows, *, k: int = 10, alpha: float = 3.0
) -> Floats:
    """(Q, D) float32: alpha query expansion, q' = L2(mean of [q; sim_j^alpha * x_j]) over the k nearest x_j.

    Radenovic, Tolias and Chum 2018; alpha = 0 is average query expansion (Chum et al. 2007). A
    neighbour at a right angle or more has no weight. Vectors need not have length 1. ``own``: see ``knn``.

    >>> query, database = np.array([[1, 0]], np.float32), np.array([[0.6, 0.8], [0, 1]], np.float32)
    >>> expand_queries(query, database, np.array([-1]), k=1, alpha=0).round(3)
    array([[0.894, 0.447]], dtype=float32)
    """
    found = nearest(queries, database, own, k)
    weights = powers(found.scores, alpha)
    expanded = np.empty((len(queries), queries.shape[1]), np.float32)
    step = max(1, GATHERED_BYTES // (8 * queries.shape[1] * (k + 1)))
    for start in range(0, len(queries), step):
        block = slice(start, start + step)
        near = _unit(database[found.places[block]])
        expanded[block] = _unit(_unit(queries[block]) + np.einsum("qk,qkd->qd", weights[block], near))
    expanded[~_says_anything(queries)] = 0
    return expanded


def augment_database(database: Floats, *, k: int = 20, alpha: float = 3.0) -> Floats:
    """(N, D) float32: database-side augmentation, every vector expanded as a query from the database.

    Turcot and Lowe 2009; Arandjelovic and Zisserman 2012; weights as in ``expand_queries``.
    """
    return expand_queries(database, database, np.arange(len(database)), k=k, alpha=alpha)


def _says_anything(vectors: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(vectors.any(axis=1))


def _unit(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Length 1 in float64: a sum of k vectors in float32 would move near-ties."""
    exact = vectors.astype(np.float64)
    norms = np.sqrt(np.einsum("...d,...d->...", exact, exact))[..., None]
    result: npt.NDArray[np.float64] = exact / np.where(norms > 0, norms, 1.0)
    return result
