"""Two systems over the same queries: the difference, how sure it is, and who wins how often.

Everything goes over groups, as in ``intervals``: the queries of a group stand or fall together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from strata.measures.groups import group_codes
from strata.measures.intervals import Interval, t_interval

DRAWS = 10_000
ROUNDING = 1e-12  # relative: sums that are equal but for the order of addition
BATCH = 4_000_000  # signs held at a time: large products, which BLAS likes

Floats = npt.NDArray[np.float64]


class Paired(NamedTuple):
    """``difference`` is first minus second, its bounds within -1..1. ``smallest_p`` is what ``p`` would be
    had every group spoken for one side: with few groups no result can fall below it."""

    difference: Interval
    p: float
    smallest_p: float
    wins: int
    ties: int
    losses: int


def compare(
    first: npt.ArrayLike, second: npt.ArrayLike, groups: npt.ArrayLike, draws: int = DRAWS, seed: int = 0
) -> Paired:
    """What ``first`` gains over ``second``, both (Q,) in 0..1 over the same queries; groups : (Q,) labels.

    A query that either lacks (NaN) is left out. Wins, ties and losses count queries, from ``first``'s side.

    >>> late, early = [0.9, 0.7, 0.8, 0.6, 0.9, 0.5], [0.6, 0.6, 0.5, 0.6, 0.7, 0.6]
    >>> found = compare(late, early, ["a", "b", "c", "d", "e", "f"])
    >>> round(found.difference.mean, 3), found.p, found.smallest_p
    (0.133, 0.1875, 0.0625)
    >>> found.wins, found.ties, found.losses
    (4, 1, 1)
    """
    gains = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    kept, member = ~np.isnan(gains), group_codes(groups)
    totals = np.bincount(member[kept], weights=gains[kept])
    p, smallest = sign_flip_p(totals, draws, seed)
    wins, losses = int(np.sum(gains > 0)), int(np.sum(gains < 0))
    ties = int(kept.sum()) - wins - losses
    return Paired(t_interval(gains, member, lowest=-1.0, highest=1.0), p, smallest, wins, ties, losses)


def sign_flip_p(totals: npt.ArrayLike, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """Two-sided p of the sum of ``totals`` (G,), and the smallest p possible: Fisher's (1935) randomisation.

    Without a difference between the systems a group's total is as likely to have the other sign. Groups whose
    total is 0 tell nothing and are left out.

    >>> sign_flip_p([0.3, 0.1, 0.2, 0.4])
    (0.125, 0.125)
    """
    numbers = np.asarray(totals, np.float64)
    numbers = numbers[numbers != 0]
    if not len(numbers):
        return 1.0, 1.0
    n_groups, enough = len(numbers), np.abs(numbers.sum()) - ROUNDING * np.abs(numbers).sum()
    reached = sum(int(np.sum(np.abs(s @ numbers) >= enough)) for s in sign_flips(n_groups, draws, seed))
    return share_reached(reached, n_groups, draws), smallest_p(n_groups, draws)


def sign_flips(n_groups: int, draws: int = DRAWS, seed: int = 0) -> Iterator[Floats]:
    """Batches (b, G) of signs, 1.0 or -1.0, that make up the null distribution of a two-sided statistic.

    All 2^(G-1) patterns whose first sign is 1 where those are at most ``draws``: turning all signs changes no
    two-sided statistic. Otherwise ``draws`` random ones.

    >>> [signs.tolist() for signs in sign_flips(2)]
    [[[1.0, 1.0], [1.0, -1.0]]]
    """
    if is_exact(n_groups, draws):
        patterns = np.arange(2 ** (n_groups - 1))[:, None] >> np.arange(n_groups - 1)[::-1] & 1
        yield 1.0 - 2.0 * np.pad(patterns, ((0, 0), (1, 0)))
        return
    rng = np.random.default_rng(seed)
    batch = max(1, BATCH // n_groups)
    for start in range(0, draws, batch):
        rows = min(batch, draws - start)
        bits = np.frombuffer(rng.bytes(rows * (-(-n_groups // 8))), np.uint8).reshape(rows, -1)
        signs = np.unpackbits(bits, axis=1, count=n_groups).astype(np.float64)
        signs *= -2
        signs += 1
        yield signs


def share_reached(reached: int, n_groups: int, draws: int = DRAWS) -> float:
    """The p value when ``reached`` of the ``sign_flips`` came as far as what was seen.

    Random flips count what was seen as one of them (Phipson and Smyth 2010): p is never 0. All flips hold it.
    """
    return reached / 2 ** (n_groups - 1) if is_exact(n_groups, draws) else (reached + 1) / (draws + 1)


def smallest_p(n_groups: int, draws: int = DRAWS) -> float:
    """The smallest two-sided p of ``sign_flips``: 2 / 2^G for few groups, else 1 / (draws + 1).

    >>> smallest_p(10)
    0.001953125
    """
    return share_reached(1 if is_exact(n_groups, draws) else 0, n_groups, draws) if n_groups else 1.0


def is_exact(n_groups: int, draws: int = DRAWS) -> bool:
    """Whether all patterns of signs are gone through."""
    return n_groups < 64 and 2 ** (n_groups - 1) <= draws


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjusted p values (Holm 1979) of a table of any shape: up to .05, the family-wise error is at most .05.

    The i-th smallest (from 0) of m becomes (m - i) p, at least its predecessor and at most 1. NaN stays NaN
    and is no test.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    numbers = np.asarray(p_values, np.float64)
    flat = numbers.ravel()
    order = np.argsort(flat, kind="stable")[: int(np.sum(~np.isnan(flat)))]  # NaN sorts last
    adjusted = np.full(flat.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(flat[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted.reshape(numbers.shape)
