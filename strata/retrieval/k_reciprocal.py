"""Re-ranking with k-reciprocal encoding (Zhong et al. 2017, "Re-ranking Person Re-identification").

Two pictures are alike where their neighbours are the same: each is encoded by the pictures that are among its
nearest and have it among theirs, and encodings are compared by Jaccard's distance. As published, all queries
from outside stand in one graph with the database: they may be each other's neighbours.

Distances are the squared Euclidean ones of unit vectors, 2 - 2 cosine, divided by the largest of their row,
and encodings have sum 1, as in the authors' program; the paper says neither.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from strata.retrieval.knn import NO_ROW, Floats, Neighbours, Rows, cosine_blocks, nearest
from strata.retrieval.similarity import UNRANKED

Doubles = npt.NDArray[np.float64]

BLOCK_ROWS = 1024  # pictures whose neighbours' neighbours are counted at once
BLOCK_PAIRS = 8192  # pictures compared one to one at once


def k_reciprocal(
    queries: Floats, database: Floats, own: Rows, *, k1: int = 20, k2: int = 6, weight: float = 0.3
) -> Floats:
    """(Q, N) float32 similarities, -1 to 0: minus ((1 - weight) Jaccard distance + weight distance) (eq. 12).

    ``own``: see ``knn``. A query that equals its own picture is that picture's node of the graph; any other,
    a crop for one, is a node of its own, and its own picture is no neighbour of it. -inf where either vector
    is zero.
    """
    nodes, node_of_query, hidden = _nodes(queries, database, own)
    found = nearest(nodes, nodes, hidden, max(k1, k2))
    farthest = _distances(found.lowest)
    farthest[farthest == 0] = 1.0
    members = _expanded_sets(_reciprocal(found, k1), _reciprocal(found, round(k1 / 2)))
    encodings = _average_over(_neighbour_sets(found, k2 - 1), _weighted(members, nodes, farthest))
    by_column = encodings.tocsc()
    result = np.empty((len(queries), len(database)), np.float32)
    for block, cosines in cosine_blocks(queries, database):
        for row, cosine in enumerate(cosines, block.start):
            node = node_of_query[row]
            jaccard = _jaccard_distances(encodings[[node]], by_column)[: len(database)]
            distance = _distances(cosine) / farthest[node]
            result[row] = np.where(cosine > UNRANKED, -((1 - weight) * jaccard + weight * distance), UNRANKED)
    return result


def _nodes(queries: Floats, database: Floats, own: Rows) -> tuple[Floats, Rows, Rows]:
    """(M, D) the database and every query that is not in it; each query's place among them; (M, 2) the places
    that are no neighbours of each: itself, and the own picture of a query."""
    inside = (own != NO_ROW) & (queries == database[own]).all(axis=1)
    outside = np.flatnonzero(~inside)
    nodes = np.concatenate([database, queries[outside]])
    node_of_query = own.copy()
    node_of_query[outside] = np.arange(len(database), len(nodes))
    hidden = np.stack([np.arange(len(nodes)), np.full(len(nodes), NO_ROW)], axis=1)
    hidden[len(database) :, 1] = own[outside]
    return nodes, node_of_query, hidden


def _neighbour_sets(found: Neighbours, k: int) -> Any:
    """(M, M) sparse, 1 where a column is the row itself or one of its ``k`` nearest."""
    from scipy.sparse import csr_matrix

    places, there = found.places[:, :k], found.scores[:, :k] > UNRANKED
    n = len(places)
    rows = np.concatenate([np.arange(n), np.nonzero(there)[0]])
    columns = np.concatenate([np.arange(n), places[there]])
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, n))


def _reciprocal(found: Neighbours, k: int) -> Any:
    """R(p, k), eq. 3: the neighbours that have p among theirs."""
    sets = _neighbour_sets(found, k)
    return sets.minimum(sets.T).tocsr()


def _expanded_sets(sets: Any, halves: Any) -> Any:
    """R*(p, k1), eq. 4: the reciprocal sets R(p, k1), and R(q, k1 / 2) of each member q that shares at least
    two thirds of it with R(p, k1)."""
    from scipy.sparse import csr_matrix, vstack

    sizes = np.asarray(halves.sum(axis=1)).ravel()
    grown = []
    for start in range(0, sets.shape[0], BLOCK_ROWS):
        some = sets[start : start + BLOCK_ROWS]
        shared = (some @ halves).multiply(some).tocoo()  # ``halves`` is symmetric
        joins = 3 * shared.data >= 2 * sizes[shared.col]
        members = (shared.row[joins], shared.col[joins])
        grown.append(some + csr_matrix((np.ones(joins.sum()), members), shape=some.shape) @ halves)
    return vstack(grown, format="csr")


def _weighted(members: Any, nodes: Floats, farthest: Doubles) -> Any:
    """The rows of V, eq. 7, brought to sum 1: exp(-distance) for each member of R*."""
    members.sort_indices()
    lengths = np.sqrt(np.einsum("md,md->m", nodes, nodes, dtype=np.float64))
    rows = np.repeat(np.arange(len(nodes)), np.diff(members.indptr))
    products = np.empty(len(rows))
    for start in range(0, len(rows), BLOCK_PAIRS):
        pairs = slice(start, start + BLOCK_PAIRS)
        left, right = nodes[rows[pairs]], nodes[members.indices[pairs]]
        products[pairs] = np.einsum("pd,pd->p", left, right, dtype=np.float64)
    scale = lengths[rows] * lengths[members.indices]
    cosines = np.divide(products, scale, out=np.ones_like(products), where=scale > 0)
    members.data = np.exp(-_distances(cosines) / farthest[rows])
    return _of_sum_one(members)


def _average_over(neighbours: Any, encodings: Any) -> Any:
    """Local query expansion, eq. 11: the mean encoding of a row's neighbours, itself among them."""
    return (_of_sum_one(neighbours) @ encodings).tocsr()


def _of_sum_one(rows: Any) -> Any:
    from scipy.sparse import diags

    return (diags(1 / np.asarray(rows.sum(axis=1)).ravel()) @ rows).tocsr()


def _jaccard_distances(encoding: Any, by_column: Any) -> Doubles:
    """(M,) from one encoding to all, eq. 10; as all have sum 1, the maxima add up to 2 - the minima's sum."""
    columns = by_column[:, encoding.indices]
    smaller = np.minimum(columns.data, np.repeat(encoding.data, np.diff(columns.indptr)))
    minima = np.bincount(columns.indices, smaller, minlength=by_column.shape[0])
    return np.asarray(1 - minima / (2 - minima))


def _distances(cosines: npt.NDArray[np.floating]) -> Doubles:
    """Squared Euclidean distances of unit vectors, never below 0."""
    return np.maximum(2 - 2 * cosines.astype(np.float64), 0)
