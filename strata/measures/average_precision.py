"""What a ranking is worth: measures computed from the ranks of its positives.

``ranks``: sorted, 0-based ranks of the positives that were ranked, after junk has been taken out (junk
consumes no rank). ``n_positives``: all positives of the query. A positive that was never ranked (an
unreadable picture, another cluster) has no rank but stays in the denominator. A query without positives has
no AP and is left out of means.

By hand, because scikit-learn's average precision knows no junk, no trapezoid and no positive that is missing.
Nothing here knows how a ranking came about.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ranks = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def step_average_precision(ranks: Ranks, n_positives: int) -> float:
    """Mean over the positives of the precision at their rank, 0..1. ``n_positives`` is at least 1.

    scikit-learn's ``average_precision_score`` and the usual AP of detection and class retrieval.
    """
    found = np.arange(1, len(ranks) + 1)
    return float(np.sum(found / (ranks + 1.0)) / n_positives)


def measure_rankings(rankings: Sequence[Ranks], n_positives: Sequence[int]) -> Floats:
    """(Q, 10) float64: MEASURES of every ranking, NaN for a query without positives.

    - ``ap_step``: see ``step_average_precision``.
    - ``ap_trapezoid``: area under the precision-recall polygon that starts at recall 0, precision 1. The
      AP of Oxford5k, Paris6k (Philbin et al. 2007, ``compute_ap``) and their revisited versions (Radenovic
      et al. 2018): the j-th positive (from 0) at rank r adds (j / r + (j + 1) / (r + 1)) / 2, where j / r
      is 1 at r = 0.
    - ``p_at_k``: share of the first k places that hold a positive; those beyond the ranking's end hold none.
    - ``hit_at_k``: 1 if any positive is among the first k, else 0.
    - ``recall_at_k``: share of all positives that are among the first k.
    - ``r_precision``: precision at R = ``n_positives`` (equal to the recall there).
    - ``mp_revisited_at_10``: the revisited benchmarks' own precision at k, kept apart from the textbook's.
      Its denominator shrinks to the last positive's 1-based rank when that is below k (``compute_map``): a
      query whose few positives all come first scores 1. A positive that was never ranked counts as ranked
      beyond k: the reference ranks everything and leaves that case undefined.
    """
    counts = np.array([len(ranks) for ranks in rankings], np.int64)
    total = np.array(n_positives, np.int64)
    ends = np.cumsum(counts)
    ranks = np.concatenate([*rankings, np.zeros(0, np.int64)])
    owner = np.repeat(np.arange(len(counts)), counts)
    before = np.arange(len(ranks)) - np.repeat(ends - counts, counts)
    right = (before + 1) / (ranks + 1.0)
    left = np.where(ranks == 0, 1.0, before / np.maximum(ranks, 1))
    known = np.where(total > 0, total, np.nan)

    def within(k: int | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.bincount(owner[ranks < k], minlength=len(counts))

    last = np.full(len(counts), 10)
    complete = (counts == total) & (counts > 0)
    last[complete] = np.minimum(ranks[ends[complete] - 1] + 1, 10)
    one, five, ten = within(1), within(5), within(10)
    columns = (
        _sums(right, ends) / known,
        _sums(left + right, ends) / 2 / known,
        one / 1,
        five / 5,
        ten / 10,
        five > 0,
        ten > 0,
        ten / known,
        within(total[owner]) / known,
        ten / last,
    )
    return np.where(total[:, None] > 0, np.stack(columns, axis=1), np.nan)


def _sums(values: Floats, ends: npt.NDArray[np.int64]) -> Floats:
    """(Q,) the sum of each ranking's values, which end at ``ends``.

    One at a time: numpy's sum of a stretch adds in pairs, more exactly than its sums of all stretches at once
    (``add.reduceat``), and does not depend on the neighbours.
    """
    starts = [0, *ends[:-1].tolist()][: len(ends)]
    return np.array([values[a:b].sum() for a, b in zip(starts, ends.tolist(), strict=True)], np.float64)
