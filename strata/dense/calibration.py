"""Scores of several templates made comparable: how far a picture stands out among pictures.

A small template fits somewhere in every picture, a large one nowhere: their cosines say nothing about each
other. Each template's best scores over a sample of pictures say what is usual for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
HIGH = 0.8  # quantile: pictures that show the detail may be a fifth of the collection
ALIKE = 0.05  # of a mean cosine, worth as much as a spread
LEAST = 0.001  # added to the spread: scores that are all equal are no measure


@dataclass(frozen=True)
class Usual:
    """``middle`` and ``spread``: (T,) float64, of each template's best scores."""

    middle: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]

    def standard(self, scores: npt.NDArray[np.float32]) -> Floats:
        """(T, ...) scores -> how many spreads they lie above the middle."""
        shape = (-1, *[1] * (scores.ndim - 1))
        return ((scores - self.middle.reshape(shape)) / self.spread.reshape(shape)).astype(np.float32)


def sample_pictures(count: int, size: int, seed: int) -> npt.NDArray[np.int64]:
    """(min(count, size),) sorted places of the pictures that templates are calibrated on."""
    if count <= size:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size, replace=False))


def usual_scores(sample: Floats) -> Usual:
    """Median and spread of (T, S) best scores of the sample's pictures.

    The spread is what lies between the median and the upper fifth: how far a template's scores reach upwards
    decides which of them stands out. Half its harmonic mean with ALIKE is taken, so that a score is also
    worth what it is in cosine: a copy of a plain detail, which is like much, still comes before what only
    stands out.
    """
    middle, high = np.quantile(sample.astype(np.float64), (0.5, HIGH), axis=1)
    spread = high - middle + LEAST
    return Usual(middle, spread * ALIKE / (spread + ALIKE))
