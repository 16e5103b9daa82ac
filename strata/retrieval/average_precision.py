"""What a ranking is worth: measures computed from the ranks of its positives.

Every function takes ``ranks``: sorted, 0-based ranks of the positives that were ranked, after junk has been
taken out (junk consumes no rank), and ``n_positives``: all positives of the query. A positive that was
never ranked (an unreadable picture, another cluster) has no rank but stays in the denominator.
``n_positives`` is at least 1: a query without positives has no AP and is left out of means.

Nothing here knows how a ranking came about; see ``strata.retrieval.ranking``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ranks = npt.NDArray[np.int64]


def step_average_precision(ranks: Ranks, n_positives: int) -> float:
    """Mean over the positives of the precision at their rank, 0..1.

    scikit-learn's ``average_precision_score`` and the usual AP of detection and class retrieval.
    """
    found = np.arange(1, len(ranks) + 1)
    return float(np.sum(found / (ranks + 1.0)) / n_positives)


def trapezoid_average_precision(ranks: Ranks, n_positives: int) -> float:
    """Area under the precision-recall polygon that starts at recall 0, precision 1; 0..1.

    The AP of Oxford5k, Paris6k (Philbin et al. 2007, ``compute_ap``) and their revisited versions
    (Radenovic et al. 2018): the j-th positive (from 0) at rank r adds (j / r + (j + 1) / (r + 1)) / 2, where
    j / r is 1 at r = 0.
    """
    before = np.arange(len(ranks))
    left = np.where(ranks == 0, 1.0, before / np.maximum(ranks, 1))
    right = (before + 1) / (ranks + 1.0)
    return float(np.sum(left + right) / 2 / n_positives)


def precision_at_k(ranks: Ranks, k: int) -> float:
    """Share of the first ``k`` places that hold a positive; places beyond the ranking's end hold none."""
    return _within(ranks, k) / k


def hit_at_k(ranks: Ranks, k: int) -> float:
    """1.0 if any positive is among the first ``k``, else 0.0."""
    return float(_within(ranks, k) > 0)


def recall_at_k(ranks: Ranks, n_positives: int, k: int) -> float:
    """Share of all positives that are among the first ``k``."""
    return _within(ranks, k) / n_positives


def r_precision(ranks: Ranks, n_positives: int) -> float:
    """Precision at R = ``n_positives`` (equal to the recall there)."""
    return _within(ranks, n_positives) / n_positives


def mp_revisited_at_k(ranks: Ranks, n_positives: int, k: int) -> float:
    """The revisited benchmarks' own precision at k, kept apart from the textbook's.

    Its denominator shrinks to the last positive's 1-based rank when that is below ``k`` (Radenovic et al.
    2018, ``compute_map``): a query whose few positives all come first scores 1. A positive that was never
    ranked counts as ranked beyond ``k``.
    """
    last = int(ranks[-1]) + 1 if len(ranks) == n_positives else k
    places = min(last, k)
    return _within(ranks, places) / places


def _within(ranks: Ranks, k: int) -> int:
    return int(np.searchsorted(ranks, k, side="left"))
