"""How sure a mean is: 95 % intervals over the unit that is independent.

Queries are often not independent: the five queries of a landmark share one ground truth, the instances of a
detail share their positives, the pictures of a class are found or missed together. Intervals over queries
would be far too narrow (of nominal 95 %, 80 to 14 % cover the truth on the study's data sets); these go over
groups, and speak of other groups drawn like the ones at hand: new details, new classes, not new queries.

Where the groups are too few, or so unequal that two or three of them decide the mean, no interval holds:
``low`` and ``high`` are None and ``reason`` says why. The macro mean may still have one.

By hand, because SciPy has no interval over groups that weights each by its queries.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from strata.measures.groups import group_codes

CONFIDENCE = 0.95
FEWEST_GROUPS = 5
FEWEST_EFFECTIVE = 4  # groups of one size that would weigh as much; see t_interval
MOST_SKEWED = 0.3  # the long side is then half as long again as without
SAME = 1e-9  # group means this close are equal but for rounding

Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """``mean`` is None without values; ``low`` and ``high`` are None where no interval holds: ``reason`` says
    why, and is None where there is one."""

    mean: float | None
    low: float | None
    high: float | None
    n_groups: int
    reason: str | None = None


def t_interval(
    values: npt.ArrayLike, groups: npt.ArrayLike, lowest: float = 0.0, highest: float = 1.0
) -> Interval:
    """95 % interval of the mean over queries, from what varies between groups, within ``lowest..highest``.

    values : (Q,) in lowest..highest, NaN is left out; groups : (Q,) labels, strings or numbers.

    The number is the mean over queries, sum(T_g) / sum(n_g) over group totals and sizes, w_g = n_g / Q.

    - Variance: CR2, sum((T_g - n_g * mean)^2 / (1 - w_g)) / Q^2, unbiased for independent queries; degrees of
      freedom by Satterthwaite, G - 1 for groups of one size and fewer for unequal ones (Bell and McCaffrey
      2002; Pustejovsky and Tipton 2018; here for an intercept alone, in closed form).
    - Skewness: AP and hit rates lie lopsided in 0..1, and a symmetric interval then misses on the long side.
      Hall's (1992) transformation of t corrects for the skewness of the group means, divided by the root of
      the effective number of groups, 1 / sum(w_g^2) (Kish 1965). It is held to MOST_SKEWED: with ten groups
      one that stands out would make it reach to the end of the scale, which says nothing.

    Symmetric group means of equal size give the ordinary t interval. No interval below five groups, below
    four effective ones, or where all groups have one mean.

    >>> found = t_interval([0.2, 0.4, 0.3, 0.5, 0.6, 0.4], ["a", "b", "c", "d", "e", "e"])
    >>> round(found.mean, 2), round(found.low, 2), round(found.high, 2), found.n_groups
    (0.4, 0.18, 0.55, 5)
    >>> t_interval([0.2, 0.4, 0.3], ["a", "b", "b"]).reason
    '2 groups: an interval needs 5'
    """
    means, sizes = _group_means(values, groups)
    if not len(sizes):
        return Interval(None, None, None, 0, "no values")
    weights = sizes / sizes.sum()
    mean = float(np.sum(weights * means))
    deviations = means - mean
    reason = _why_none(weights, deviations)
    if reason is not None:
        return Interval(mean, None, None, len(sizes), reason)
    scale = float(np.sqrt(np.sum((weights * deviations) ** 2 / (1 - weights))))
    t = float(stdtrit(_satterthwaite(weights), (1 + CONFIDENCE) / 2))
    skewness = _skewness(means) * float(np.sqrt(np.sum(weights**2)))
    skewness = min(max(skewness, -MOST_SKEWED), MOST_SKEWED)
    below, above = (mean - scale * _hall_inverse(side, skewness) for side in (t, -t))
    return Interval(mean, max(lowest, min(below, mean)), min(highest, max(above, mean)), len(sizes))


def macro_interval(
    values: npt.ArrayLike, groups: npt.ArrayLike, lowest: float = 0.0, highest: float = 1.0
) -> Interval:
    """95 % interval of the macro mean, the mean of the group means: every group weighs the same.

    Arguments as for ``t_interval``. It holds from five groups on, however unequal they are, and is the one to
    report where a few large groups leave the mean over queries without an interval.

    >>> sizes = [1, 1, 2, 2, 40]
    >>> values, groups = np.repeat([0.1, 0.3, 0.2, 0.5, 0.4], sizes), np.repeat(np.arange(5), sizes)
    >>> t_interval(values, groups).reason
    '5 groups so unequal that they weigh like 1.3 equal ones: an interval needs 4'
    >>> found = macro_interval(values, groups)
    >>> round(found.mean, 2), round(found.low, 2), round(found.high, 2)
    (0.3, 0.1, 0.5)
    """
    means, _ = _group_means(values, groups)
    return t_interval(means, np.arange(len(means)), lowest, highest)


def _group_means(values: npt.ArrayLike, groups: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Mean and number of the values of every group that has any."""
    numbers, member = np.asarray(values, np.float64), group_codes(groups)
    kept = ~np.isnan(numbers)
    sizes = np.bincount(member[kept]).astype(np.float64)
    totals = np.bincount(member[kept], weights=numbers[kept])
    return totals[sizes > 0] / sizes[sizes > 0], sizes[sizes > 0]


def _why_none(weights: Floats, deviations: Floats) -> str | None:
    """Why groups of these shares and deviations from the mean carry no interval, None if they do."""
    count, effective = len(weights), 1 / np.sum(weights**2)
    if count < FEWEST_GROUPS:
        return f"{count} group{'s' if count > 1 else ''}: an interval needs {FEWEST_GROUPS}"
    if effective < FEWEST_EFFECTIVE:
        return (
            f"{count} groups so unequal that they weigh like {effective:.1f} equal ones: "
            f"an interval needs {FEWEST_EFFECTIVE}"
        )
    if np.all(np.abs(deviations) < SAME):
        return f"all {count} groups have the same mean: nothing tells how others would differ"
    return None


def _satterthwaite(weights: Floats) -> float:
    """Degrees of freedom of CR2 for a mean, weights (G,) summing to 1.

    2 E(V)^2 / Var(V) for independent normal queries. With C the covariance of the group residuals over their
    totals, C_gg = w_g (1 - w_g) and C_gh = -w_g w_h, it is 1 / sum_gh(C_gh^2 / ((1 - w_g) (1 - w_h))).
    """
    shares = weights**2 / (1 - weights)
    return float(1 / (np.sum(weights**2) + np.sum(shares) ** 2 - np.sum(shares**2)))


def _skewness(numbers: Floats) -> float:
    """Third central moment over the standard deviation cubed."""
    deviations = numbers - numbers.mean()
    return float(np.mean(deviations**3) / np.mean(deviations**2) ** 1.5)


def _hall_inverse(t: float, skewness: float) -> float:
    """The x with x + s x^2 / 3 + s^2 x^3 / 27 + s / 6 = t (Hall 1992, monotone; s the mean's skewness)."""
    if abs(skewness) < 1e-6:
        return t
    return float(3 / skewness * (np.cbrt(1 + skewness * (t - skewness / 6)) - 1))


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927): low and high; (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    z2 = float(ndtri((1 + CONFIDENCE) / 2)) ** 2
    share = successes / n
    centre = share + z2 / (2 * n)
    reach = float(np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))))
    scale = 1 + z2 / n
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def corrected_t(scores: npt.ArrayLike, test_fraction_ratio: float) -> tuple[float, float]:
    """95 % interval of a mean over J repeated random splits (Nadeau and Bengio 2003), in 0..1.

    scores : (J,) one score a split, J >= 2; test_fraction_ratio : n_test / n_train. Splits share most of
    their training pictures, so the variance of the mean is taken as (1 / J + n_test / n_train) * s^2.
    """
    numbers = np.asarray(scores, np.float64)
    if len(numbers) < 2:
        raise ValueError("an interval over splits needs at least two of them")
    deviation = np.sqrt((1 / len(numbers) + test_fraction_ratio) * numbers.var(ddof=1))
    reach = float(stdtrit(len(numbers) - 1, (1 + CONFIDENCE) / 2) * deviation)
    mean = float(numbers.mean())
    return max(0.0, mean - reach), min(1.0, mean + reach)
