"""How sure a mean is: 95 % intervals that resample the unit that is independent.

Queries are often not independent: the five queries of a landmark share one ground truth, the instances of a
detail share their positives. Intervals over queries would be far too narrow (of nominal 95 %, 80 to 14 %
cover the truth on the study's data sets); these go over groups.

By hand, because SciPy has no interval over groups that weights each by its queries.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """``mean`` is None without values; ``low`` and ``high`` are None with fewer than two groups."""

    mean: float | None
    low: float | None
    high: float | None
    n_groups: int


def t_interval(values: npt.ArrayLike, groups: npt.ArrayLike) -> Interval:
    """95 % interval of the mean over queries, clipped to 0..1, from what varies between groups.

    values : (Q,) in 0..1, NaN is left out; groups : (Q,) labels.

    The reported number is the mean over queries, a ratio of two group totals, sum(T_g) / sum(n_g). Its
    linearised variance is G / (G - 1) * sum((T_g - n_g * mean)^2) / Q^2 (Cochran 1977, section 6; the
    cluster-robust variance of an intercept), with the t distribution of G - 1 degrees of freedom. For
    groups of one size this is exactly the t interval over the group means; for others it stays centred on
    the number it belongs to, where an interval around the mean of the group means could leave it outside.
    With few groups of very different size it covers a little less than it says.
    """
    numbers = np.asarray(values, np.float64)
    kept = ~np.isnan(numbers)
    numbers = numbers[kept]
    if not len(numbers):
        return Interval(None, None, None, 0)
    _, member, sizes = np.unique(np.asarray(groups)[kept], return_inverse=True, return_counts=True)
    mean, count = float(numbers.mean()), len(sizes)
    if count < 2:
        return Interval(mean, None, None, count)
    residuals = np.bincount(member, weights=numbers) - sizes * mean
    deviation = np.sqrt(count / (count - 1) * np.sum(residuals**2)) / len(numbers)
    reach = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2) * deviation)
    return Interval(mean, max(0.0, mean - reach), min(1.0, mean + reach), count)


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
