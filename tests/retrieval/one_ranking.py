"""One ranking at a time, the plain way: the oracles of what the library does for many at once.

``ranks``: sorted, 0-based ranks of the positives that were ranked, after junk has been taken out.
``n_positives`` is at least 1.
"""

from __future__ import annotations

import numpy as np

from strata.measures.average_precision import step_average_precision
from strata.retrieval.queries import Judgement


def rank_by_score(scores: np.ndarray) -> np.ndarray:
    """Positions of one query's (N,) scores from best to worst, without those at -inf; ties by position."""
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] > -np.inf]


def placed_by_order(order: np.ndarray, judged: Judgement) -> tuple[list[int], int]:
    """Ranks of the positives in ``order`` (positions, best first) without what is skipped; what is left."""
    kept = [place for place in order.tolist() if place not in set(judged.skipped.tolist())]
    positives = set(judged.positives.tolist())
    return [rank for rank, place in enumerate(kept) if place in positives], len(kept)


def measure(ranks: np.ndarray, n_positives: int) -> tuple[float, ...]:
    """MEASURES of one ranking."""
    return (
        step_average_precision(ranks, n_positives),
        trapezoid_average_precision(ranks, n_positives),
        precision_at_k(ranks, 1),
        precision_at_k(ranks, 5),
        precision_at_k(ranks, 10),
        hit_at_k(ranks, 5),
        hit_at_k(ranks, 10),
        recall_at_k(ranks, n_positives, 10),
        r_precision(ranks, n_positives),
        mp_revisited_at_k(ranks, n_positives, 10),
    )


def trapezoid_average_precision(ranks: np.ndarray, n_positives: int) -> float:
    """Area under the precision-recall polygon that starts at recall 0, precision 1."""
    before = np.arange(len(ranks))
    left = np.where(ranks == 0, 1.0, before / np.maximum(ranks, 1))
    right = (before + 1) / (ranks + 1.0)
    return float(np.sum(left + right) / 2 / n_positives)


def precision_at_k(ranks: np.ndarray, k: int) -> float:
    """Share of the first ``k`` places that hold a positive; places beyond the ranking's end hold none."""
    return _within(ranks, k) / k


def hit_at_k(ranks: np.ndarray, k: int) -> float:
    """1.0 if any positive is among the first ``k``, else 0.0."""
    return float(_within(ranks, k) > 0)


def recall_at_k(ranks: np.ndarray, n_positives: int, k: int) -> float:
    """Share of all positives that are among the first ``k``."""
    return _within(ranks, k) / n_positives


def r_precision(ranks: np.ndarray, n_positives: int) -> float:
    """Precision at R = ``n_positives``."""
    return _within(ranks, n_positives) / n_positives


def mp_revisited_at_k(ranks: np.ndarray, n_positives: int, k: int) -> float:
    """The revisited benchmarks' precision at k, whose denominator ends at the last positive."""
    last = int(ranks[-1]) + 1 if len(ranks) == n_positives else k
    places = min(last, k)
    return _within(ranks, places) / places


def _within(ranks: np.ndarray, k: int) -> int:
    return int(np.searchsorted(ranks, k, side="left"))
