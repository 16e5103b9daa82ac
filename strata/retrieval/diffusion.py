"""Ranking by diffusion on the neighbour graph of the database (Iscen et al. 2017, CVPR).

Two pictures are linked where each is among the other's nearest; what a query's nearest pictures start with
spreads along the links, so pictures are found that look like what looks like the query.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from strata.retrieval.knn import Floats, Neighbours, Rows, nearest, powers

Doubles = npt.NDArray[np.float64]

TOLERANCE = 1e-10  # of the residual to the right side: far below what float32 shows, on any blocking
MOST_STEPS = 1000
BLOCK_BYTES = 64 * 2**20  # of each array that conjugate gradients keep


def diffusion(
    queries: Floats,
    database: Floats,
    own: Rows,
    *,
    k: int = 50,
    k_query: int = 10,
    alpha: float = 0.99,
    gamma: float = 3.0,
) -> Floats:
    """(Q, N) float32 similarities, at least 0: f of (I - alpha S) f = (1 - alpha) y.

    S is the mutual ``k``-neighbour graph with weights cosine^gamma, normalised by the roots of the degrees; y
    has cosine^gamma at the ``k_query`` database vectors nearest to the query (its own picture left out, see
    ``knn``). Pictures that no path reaches get 0, those that are no descriptor -inf, and so does every
    picture where the query is none.
    """
    everywhere = np.arange(len(database))
    graph = normalised_graph(nearest(database, database, everywhere, k), gamma)
    seeds = nearest(queries, database, own, k_query)
    weights = powers(seeds.scores, gamma) * (1 - alpha)
    result = np.empty((len(queries), len(database)), np.float32)
    step = max(1, BLOCK_BYTES // (8 * max(len(database), 1)))
    for start in range(0, len(queries), step):
        block = slice(start, start + step)
        sources = np.zeros((len(seeds.places[block]), len(database)))
        np.put_along_axis(sources, seeds.places[block], weights[block], axis=1)
        result[block] = conjugate_gradients(graph, alpha, sources)
    result[:, ~database.any(axis=1)] = -np.inf
    result[~queries.any(axis=1)] = -np.inf
    return result


def normalised_graph(found: Neighbours, gamma: float) -> Any:
    """(N, N) sparse: D^(-1/2) A D^(-1/2), A_ij = max(cosine, 0)^gamma where i and j are mutual neighbours.

    Iscen et al. 2017, section 3. A row without a mutual neighbour is 0.
    """
    from scipy.sparse import csr_matrix, diags

    n, k = found.places.shape
    rows = np.repeat(np.arange(n), k)
    directed = csr_matrix((powers(found.scores, gamma).ravel(), (rows, found.places.ravel())), shape=(n, n))
    mutual = directed.minimum(directed.T)
    degrees = np.asarray(mutual.sum(axis=1)).ravel()
    scale = diags(np.where(degrees > 0, 1 / np.sqrt(np.where(degrees > 0, degrees, 1.0)), 0.0))
    return csr_matrix(scale @ mutual @ scale)


def conjugate_gradients(graph: Any, alpha: float, sources: Doubles) -> Doubles:
    """(B, N) -> (B, N): solves (I - alpha graph) f = source for every row.

    A row stops changing once its residual is below ``TOLERANCE``: it does not depend on its neighbours.
    """
    solution = np.zeros_like(sources)
    residual, direction = sources.copy(), sources.copy()
    squares = _dots(residual, residual)
    enough = TOLERANCE**2 * squares
    for _ in range(MOST_STEPS):
        going = squares > enough
        if not going.any():
            break
        image = direction - alpha * np.ascontiguousarray((graph @ direction.T).T)
        curvature = _dots(direction, image)
        length = np.where(going, squares / np.where(going, curvature, 1.0), 0.0)[:, None]
        solution += length * direction
        residual -= length * image
        before, squares = squares, np.where(going, _dots(residual, residual), squares)
        direction = (
            residual + np.where(going, squares / np.where(going, before, 1.0), 0.0)[:, None] * direction
        )
    return solution


def _dots(left: Doubles, right: Doubles) -> Doubles:
    return np.asarray(np.einsum("bn,bn->b", left, right))
