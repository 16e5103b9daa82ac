"""Average precision a query at a time, in Python loops, as revisited Oxford and Paris are scored.

The published script sorts all similarities, looks for every positive and every junk picture among all ranks
and walks through both lists; written anew here from its protocol (Radenovic et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]


def score_by_loops(
    similarities: npt.NDArray[np.float32],
    positives: Sequence[Places],
    junk: Sequence[Places],
    *,
    pictures_axis: int,
) -> list[float]:
    """Trapezoid AP of every query; ``positives`` and ``junk``: positions of each.

    similarities : (Q, N) with ``pictures_axis`` 1, or (N, Q) with 0, as the published script has them.
    """
    order = np.moveaxis(np.argsort(-similarities, axis=pictures_axis), pictures_axis, 1)
    return [
        _average_precision(_ranks(row, good), _ranks(row, bad), len(good))
        for row, good, bad in zip(order, positives, junk, strict=True)
    ]


def _ranks(order: Places, wanted: Places) -> list[int]:
    found: list[int] = np.arange(len(order))[np.isin(order, wanted)].tolist()
    return found


def _average_precision(ranks: list[int], junk: list[int], n_positives: int) -> float:
    area, before = 0.0, 0
    for found, rank in enumerate(ranks):
        while before < len(junk) and junk[before] < rank:
            before += 1
        place = rank - before
        left = 1.0 if place == 0 else found / place
        right = (found + 1) / (place + 1)
        area += (left + right) / 2
    return area / n_positives
