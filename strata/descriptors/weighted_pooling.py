"""Poolings that weigh the positions of a whole map: SPoC with its centre prior, and CroW.

Both need every position: they cannot be had from region maxima and means. The length of what they return
means nothing; descriptors are L2-normalised afterwards. Invalid positions are NaN and take no part; a map
without a valid one gives NaN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


def spoc(positions: Floats, width: int) -> Floats:
    """(n, P, C), row after row of ``width`` -> (n, C) float32: the sum weighted by nearness to the centre.

    Babenko and Lempitsky 2015, section 4: weights exp(-d^2 / (2 sigma^2)), d from the centre of the valid
    area and sigma a third of the way from there to its nearest edge. Without this prior SPoC is the plain
    sum, which points where the mean (``avg``) does. Signs are kept.

    >>> spoc(np.array([[[0.0], [8.0], [0.0]]], np.float32), width=3).tolist()
    [[8.0]]
    """
    valid = _valid(positions)
    rows, columns = np.divmod(np.arange(positions.shape[1]), width)
    away, edge = np.zeros(valid.shape), np.full(len(valid), np.inf)
    for place in (rows, columns):
        first = np.where(valid, place, len(place)).min(axis=1)
        last = np.where(valid, place, -1).max(axis=1)
        away += (place - (first + last)[:, None] / 2) ** 2
        edge = np.minimum(edge, (last - first + 1) / 2)
    sigma = np.maximum(edge, 0.5)[:, None] / 3  # 0.5: of a single position, and where none is valid
    return _weighted_sum(positions, valid, np.exp(-away / (2 * sigma**2)))


def crow(positions: Floats) -> Floats:
    """(n, P, C) -> (n, C) float32: cross-dimensional weighting (Kalantidis, Mellina and Osindero 2016).

    A position weighs the square root of its share in the L2 norm of the map summed over
    channels; a channel weighs log(sum of all channels' shares of non-zero positions / its own), 0 where it is
    empty. Made for maps after a ReLU: negative values of a signed map count as 0.

    >>> print(crow(np.array([[[1, 0], [0, 0], [2, 4], [3, 1]]], np.float32)))
    [[2.252752 4.006556]]
    """
    valid = _valid(positions)
    positive = np.maximum(np.where(valid[..., None], positions, np.float32(0)), np.float32(0))
    summed = positive.sum(axis=2, dtype=np.float64)
    norm = np.sqrt((summed**2).sum(axis=1, keepdims=True))
    filled = np.count_nonzero(positive, axis=1)
    share = filled.sum(axis=1, keepdims=True) / np.maximum(filled, 1)
    channels = np.log(share, out=np.zeros(share.shape), where=filled > 0)
    weights = np.sqrt(summed / np.where(norm > 0, norm, 1.0))
    return np.asarray(_weighted_sum(positive, valid, weights) * channels, dtype=np.float32)


def _valid(positions: Floats) -> npt.NDArray[np.bool_]:
    return ~np.isnan(positions[..., 0])  # a position is NaN in all channels or in none


def _weighted_sum(positions: Floats, valid: npt.NDArray[np.bool_], weights: Doubles) -> Floats:
    """The sum over valid positions; einsum adds them in order, whatever the number of maps."""
    known = np.where(valid[..., None], positions, np.float32(0))
    total = np.einsum("np,npc->nc", np.where(valid, weights, 0.0), known)
    total[~np.asarray(valid.any(axis=1))] = np.nan
    return np.asarray(total, dtype=np.float32)
