"""Scores of several templates made comparable: how far a picture stands out among pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
IQR_OF_NORMAL = 1.35  # a normal distribution's, in standard deviations
LEAST = 0.001  # added to the spread: equal scores are no standard


def sample_pictures(count: int, size: int, seed: int) -> npt.NDArray[np.int64]:
    """(min(count, size),) sorted positions of the pictures that templates are calibrated on."""
    if count <= size:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size, replace=False))


def calibrate(scores: Floats, sample: Floats) -> Floats:
    """(T, N) best scores -> z: minus the median, by the spread, of each template's scores on ``sample`` (T, S)."""
    low, middle, high = np.quantile(sample.astype(np.float64), (0.25, 0.5, 0.75), axis=1)
    spread = (high - low) / IQR_OF_NORMAL + LEAST
    return ((scores - middle[:, None]) / spread[:, None]).astype(np.float32)
