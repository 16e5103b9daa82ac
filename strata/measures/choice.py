"""Which of many cells (layer x pooling, say) is best, and how far to trust that.

The best of many numbers is too good: the cell that wins on these queries was also lucky on them. Three
answers stand beside the naive one: what choosing is worth (cross-fitting), how often each cell wins
(bootstrap), and which cells cannot be told apart from the best (sign flips). All go over groups.

``values`` : (C, Q) float64 in 0..1, one row a cell, one column a query. ``groups`` : (Q,) labels. The value
of a cell is its mean over queries; the best is the first that has the highest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from strata.measures.groups import group_codes
from strata.measures.intervals import Interval, t_interval
from strata.measures.paired import DRAWS, ROUNDING, share_reached, sign_flips, smallest_p

ALPHA = 0.05
FOLDS, DEALS = 3, 20
WEIGHTS = 4_000_000  # drawn at a time: large products, which BLAS likes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Choice(NamedTuple):
    """What is known of the best of C cells.

    best : number of the cell with the highest mean
    naive : its mean and interval, as if it had not been chosen on the same queries
    cross_fitted : what a choice among these cells is worth on queries it was not made on
    p_best : (C,) share of bootstrap samples that each cell wins, summing to 1
    p_apart : (C,) family-wise p that the cell is as good as the best, 1 for the best itself
    smallest_p : no ``p_apart`` can fall below it with so few groups
    n_groups, n_queries, n_left_out : what was judged; queries that a cell lacks are left out
    """

    best: int
    naive: Interval
    cross_fitted: Interval
    p_best: Floats
    p_apart: Floats
    smallest_p: float
    n_groups: int
    n_queries: int
    n_left_out: int

    @property
    def not_told_apart(self) -> list[int]:
        """The other cells that may be as good as the best, highest ``p_apart`` first (ties: as numbered)."""
        order = np.argsort(-self.p_apart, kind="stable").tolist()
        return [cell for cell in order if cell != self.best and self.p_apart[cell] > ALPHA]


def choose(values: npt.ArrayLike, groups: npt.ArrayLike, draws: int = DRAWS, seed: int = 0) -> Choice:
    """The best cell and how far to trust it. Raises ValueError when no query has a value in every cell.

    >>> easy = np.linspace(0.1, 0.8, 12)
    >>> found = choose([easy, easy + 0.1, easy + 0.1], np.arange(12))
    >>> found.best, found.not_told_apart, found.p_apart.round(4).tolist()
    (1, [2], [0.0005, 1.0, 1.0])
    >>> round(found.naive.mean, 2), round(found.cross_fitted.mean, 2), found.p_best.tolist()
    (0.55, 0.55, [0.0, 0.5, 0.5])
    """
    table = np.asarray(values, np.float64)
    kept = ~np.isnan(table).any(axis=0)
    if not kept.any():
        raise ValueError("no query has a value in every cell")
    table, member = table[:, kept], group_codes(group_codes(groups)[kept])
    best = int(np.argmax(table.mean(axis=1)))
    n_groups = int(member.max()) + 1
    return Choice(
        best,
        t_interval(table[best], member),
        cross_fit(table, member, seed),
        probability_best(table, member, draws, seed),
        apart_from_best(table, member, draws, seed),
        smallest_p(n_groups, draws),
        n_groups,
        int(kept.sum()),
        int((~kept).sum()),
    )


def cross_fit(values: Floats, groups: npt.ArrayLike, seed: int = 0) -> Interval:
    """What choosing the best cell is worth: chosen on some groups, judged on the others. No NaN.

    Groups are dealt at random into three folds (two groups: two), twenty times over. Each fold's queries are
    scored by the cell that is best on the other folds; the mean over all has no luck of the choice in it. It
    stands for a choice on two thirds of the groups, so it errs, if at all, on the low side (.003 in
    simulation, where the naive best is .01 to .04 too high). Its interval covers 92 to 95 %; with ten folds
    it would cover 90 %, a single left-out group having too large a say in what is chosen.

    Either cell below looks worth .33 or .5, but each was chosen for the query that it answers well:

    >>> cross_fit(np.array([[1.0, 0.0, 0.0], [0.0, 0.6, 0.9]]), ["a", "b", "c"]).mean
    0.0
    """
    member = group_codes(groups)
    totals = _totals(values, member)
    n_groups, rng = totals.shape[1], np.random.default_rng(seed)
    if n_groups < 2:
        return Interval(None, None, None, n_groups, "1 group: no others to choose on")
    scored = np.zeros(len(member))
    for _ in range(DEALS):
        fold = rng.permutation(np.arange(n_groups) % min(FOLDS, n_groups))
        others = totals.sum(axis=1, keepdims=True) - _totals(totals, fold)
        chosen = np.argmax(others, axis=0)
        scored += values[chosen[fold[member]], np.arange(len(member))]
    return t_interval(scored / DEALS, member)


def probability_best(values: Floats, groups: npt.ArrayLike, draws: int = DRAWS, seed: int = 0) -> Floats:
    """(C,) how often each cell has the highest mean when the groups are given new weights at random.

    The Bayesian bootstrap (Rubin 1981): exponential weights, where the classical one counts how often a group
    is drawn; a sample of few groups never shrinks to one of them. Cells that tie share the win. With few
    groups it is surer than it should be, as every bootstrap. No NaN.

    >>> probability_best(np.array([[0.5, 0.2, 0.9], [0.4, 0.1, 0.8]]), ["a", "b", "c"]).tolist()
    [1.0, 0.0]
    """
    totals = _totals(values, group_codes(groups))
    n_groups, rng = totals.shape[1], np.random.default_rng(seed)
    wins, batch = np.zeros(len(values)), max(1, WEIGHTS // n_groups)
    for start in range(0, draws, batch):
        sums = rng.standard_exponential((min(batch, draws - start), n_groups)) @ totals.T
        highest = sums.max(axis=1, keepdims=True)
        first = sums >= highest - ROUNDING * np.abs(highest)
        wins += (first / first.sum(axis=1, keepdims=True)).sum(axis=0)
    return np.asarray(wins / draws)


def apart_from_best(values: Floats, groups: npt.ArrayLike, draws: int = DRAWS, seed: int = 0) -> Floats:
    """(C,) p that a cell is as good as the best one, adjusted for all cells and for the best being chosen.

    Step-down max-T (Westfall and Young 1993) over sign flips of groups. Without differences between cells, a
    group's deviations from the mean cell are as likely to have all their signs turned. A cell's gap to the
    best is set against the widest gap between any two cells in each flip, which allows for the best being
    picked from the same queries. The worst cell comes first; once its p is found it is set aside, and p never
    falls from a worse cell to a better. Where cells are truly equal, any of them is told apart (p at most
    .05) in about 5 % of the cases. Two-sided; no NaN.

    >>> gap = np.zeros(8), np.full(8, 0.3)
    >>> apart_from_best(np.array(gap), np.arange(8)).tolist()
    [0.0078125, 1.0]
    """
    totals = _totals(values, group_codes(groups))
    totals -= totals.mean(axis=0)  # the same for all cells: no difference changes, fewer digits are lost
    n_groups = totals.shape[1]
    sums = totals.sum(axis=1)
    order = np.argsort(-sums, kind="stable")  # best first
    gaps = sums[order[0]] - sums[order]
    enough = gaps - ROUNDING * np.abs(totals).sum()
    reached = np.zeros(len(order), np.int64)
    for signs in sign_flips(n_groups, draws, seed):
        flipped = (signs @ totals.T)[:, order]
        widest = np.maximum.accumulate(flipped, axis=1) - np.minimum.accumulate(flipped, axis=1)
        reached += np.sum(widest >= enough, axis=0)
    p = [share_reached(int(count), n_groups, draws) for count in reached]
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(p[::-1])[::-1]
    return adjusted


def _totals(values: Floats, member: Ints) -> Floats:
    """(C, Q) -> (C, G): sums over the members of each group."""
    return np.stack([np.bincount(member, weights=row) for row in values])
