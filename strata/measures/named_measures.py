"""Measures that others publish, by name: ``map_at_K``, ``ndcg_at_K`` and ``mrr``, K any depth.

They are scored where they are asked for. Definitions are those of trec_eval (``map_cut_K``, ``ndcg_cut_K``,
``recip_rank``), with a gain of 1 for every positive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from strata.base.errors import StrataError
from strata.measures.average_precision import Floats, Ranks

PATTERN = r"^((map|ndcg)_at_[1-9]\d{0,5}|mrr)$"


def measure_by_name(name: str, rankings: Sequence[Ranks], n_positives: Sequence[int]) -> Floats:
    """(Q,) float64 in 0..1, NaN for a query without positives; arguments as for ``measure_rankings``.

    - ``map_at_K``: the sum of the precisions at the positives among the first K, over all positives, found or
      not. (Others divide by K where there are more positives than that.)
    - ``ndcg_at_K``: Järvelin and Kekäläinen (2002); a positive at rank r (from 1) counts 1 / log2(r + 1), and
      the sum is divided by that of the best possible order.
    - ``mrr``: 1 over the rank of the first positive, 0 if none was ranked; its mean is the MRR.

    >>> [measure_by_name(name, [np.array([0, 3])], [2]).round(3).tolist() for name in ("map_at_3", "mrr")]
    [[0.5], [1.0]]
    """
    if not re.match(PATTERN, name):
        raise StrataError(f"no measure is called {name!r}; there are map_at_K, ndcg_at_K and mrr")
    kind, _, depth = name.partition("_at_")
    score = KINDS[kind]
    found = [
        score(np.asarray(r), n, int(depth or 0)) for r, n in zip(rankings, n_positives, strict=True) if n
    ]
    values = np.full(len(rankings), np.nan)
    values[np.asarray(n_positives, np.int64) > 0] = found
    return values


def _map_at(ranks: Ranks, n_positives: int, depth: int) -> float:
    near = ranks[ranks < depth]
    return float(np.sum(np.arange(1, len(near) + 1) / (near + 1)) / n_positives)


def _ndcg_at(ranks: Ranks, n_positives: int, depth: int) -> float:
    best = np.arange(min(n_positives, depth))
    return float(np.sum(1 / np.log2(ranks[ranks < depth] + 2)) / np.sum(1 / np.log2(best + 2)))


def _reciprocal_rank(ranks: Ranks, n_positives: int, depth: int) -> float:
    return 1 / (int(ranks[0]) + 1) if len(ranks) else 0.0


KINDS: dict[str, Callable[[Ranks, int, int], float]] = {
    "map": _map_at,
    "ndcg": _ndcg_at,
    "mrr": _reciprocal_rank,
}
