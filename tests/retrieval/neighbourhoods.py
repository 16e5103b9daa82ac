"""Small collections for the tests of what is done to whole vectors, and a ranking by plain sorting."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


def unit(vectors):
    exact = np.asarray(vectors, np.float64)
    return exact / np.linalg.norm(exact, axis=-1, keepdims=True)


def collection(seed, n=24, dimensions=5):
    """(n, D) float32 of length 1, about three pictures a class."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(max(n // 3, 1), dimensions))
    return unit(
        centres[random.integers(len(centres), size=n)] + 0.4 * random.normal(size=(n, dimensions))
    ).astype(np.float32)


def slow_nearest(query, database, left_out, k):
    """Places and cosines of the k nearest by a full sort, ties in order of place."""
    cosines = [float(np.float32(unit(query) @ unit(row))) for row in database]
    order = sorted(
        (place for place in range(len(database)) if place not in left_out), key=lambda p: -cosines[p]
    )
    return order[:k], [cosines[place] for place in order[:k]]


seeds = st.integers(0, 10_000)
