"""Intervals: known answers, what they reduce to, where there are none. Coverage: test_coverage.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.measures.intervals import Interval, corrected_t, macro_interval, t_interval, wilson

QUERIES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9)), min_size=1, max_size=80)


def bounds(found: Interval) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    assert found.reason is None
    return found.low, found.high


def test_symmetric_groups_of_one_size_give_the_t_interval_over_group_means() -> None:
    from scipy import stats

    means = np.array([0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8])
    values = means[:, None] + np.array([-0.1, 0.0, 0.1])
    expected = stats.t.interval(0.95, 9, loc=means.mean(), scale=stats.sem(means))
    assert bounds(t_interval(values.ravel(), np.repeat(np.arange(10), 3))) == pytest.approx(expected)


def slow_interval(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """CR2 and Satterthwaite as in Bell and McCaffrey, with matrices; Hall's cubic solved by bisection."""
    from scipy import optimize, stats

    n, ones = len(values), np.ones(len(values))
    residual_maker = np.eye(n) - np.outer(ones, ones) / n
    mean, names = values.mean(), np.unique(groups)
    vectors, variance = [], 0.0
    for name in names:
        rows = groups == name
        eigen, basis = np.linalg.eigh(residual_maker[np.ix_(rows, rows)])
        root = basis @ np.diag(eigen**-0.5) @ basis.T
        variance += (ones[rows] @ root @ (values[rows] - mean)) ** 2 / n**2
        vectors.append(residual_maker[:, rows] @ root @ ones[rows] / n)
    products = np.array(vectors) @ np.array(vectors).T
    degrees = np.trace(products) ** 2 / np.sum(products**2)
    means, shares = (
        np.array([f(groups == name) for name in names]) for f in (lambda r: values[r].mean(), np.mean)
    )
    skewness = stats.skew(means) * np.sqrt(np.sum(shares**2))

    def cubic(x: float, t: float) -> float:
        return float(x + skewness * x**2 / 3 + skewness**2 * x**3 / 27 + skewness / 6 - t)

    reach = stats.t.ppf(0.975, degrees)
    low, high = (mean - variance**0.5 * optimize.brentq(cubic, -1e4, 1e4, args=(t,)) for t in (reach, -reach))
    return max(low, 0.0), min(high, 1.0)


@pytest.mark.parametrize("sizes", [[1, 2, 3, 4, 5, 6], [4] * 7, [13, 50, 11, 28, 57, 28, 27, 13, 24, 22]])
def test_unequal_groups_match_the_published_formulas_written_with_matrices(sizes: list[int]) -> None:
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    values = np.clip(rng.gamma(1, 0.2, len(sizes))[groups] + rng.uniform(0, 0.2, len(groups)), 0, 1)
    assert bounds(t_interval(values, groups)) == pytest.approx(slow_interval(values, groups))


@settings(deadline=None, max_examples=100)
@given(QUERIES)
def test_an_interval_holds_its_mean_and_its_mirror_image_is_that_of_the_mirrored_values(
    queries: list[tuple[float, int]],
) -> None:
    values, groups = (np.array(column) for column in zip(*queries, strict=True))
    found, mirrored = t_interval(values, groups), t_interval(1 - values, groups)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.n_groups == len(set(groups))
    assert (found.low is None) == (found.high is None) == (found.reason is not None)
    if found.low is not None and found.high is not None:
        assert 0 <= found.low <= found.mean <= found.high <= 1
        if mirrored.low is not None:  # rounding may decide whether all means are the same
            assert (1 - found.high, 1 - found.low) == pytest.approx(bounds(mirrored), abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(QUERIES, st.randoms())
def test_neither_order_nor_names_of_groups_matter(queries: list[tuple[float, int]], random: Any) -> None:
    values, groups = zip(*queries, strict=True)
    random.shuffle(queries)
    shuffled, names = zip(*((value, f"group {group}") for value, group in queries), strict=True)
    one, other = t_interval(values, groups), t_interval(shuffled, np.array(names))
    assert one[:4] == pytest.approx(other[:4], abs=1e-9)


def test_skewed_groups_reach_further_to_the_side_of_their_tail() -> None:
    found = t_interval([0.1, 0.1, 0.12, 0.1, 0.11, 0.1, 0.6], np.arange(7))
    low, high = bounds(found)
    assert found.mean is not None
    assert 1.8 * (found.mean - low) < high - found.mean
    assert high < 0.6, "one group that stands out does not stretch it over the rest of the scale"


def test_queries_without_a_value_are_left_out() -> None:
    with_nan = t_interval([0.5, np.nan, 0.7, 0.1, 0.2, 0.4], ["a", "b", "c", "d", "e", "f"])
    assert with_nan == t_interval([0.5, 0.7, 0.1, 0.2, 0.4], ["a", "c", "d", "e", "f"])
    for interval in (t_interval, macro_interval):
        assert interval([np.nan], ["a"]) == Interval(None, None, None, 0, "no values")
        assert interval([], []) == Interval(None, None, None, 0, "no values")


def test_where_no_interval_holds_there_is_none_and_the_reason_is_said() -> None:
    few = t_interval([0.1, 0.5, 0.4, 0.2], ["a", "b", "c", "d"])
    assert few == Interval(pytest.approx(0.3), None, None, 4, "4 groups: an interval needs 5")
    assert t_interval([0.1, 0.5], ["a", "a"]).reason == "1 group: an interval needs 5"
    giant = np.repeat(np.arange(10), [1, 1, 1, 2, 2, 3, 5, 10, 40, 120])
    unequal = t_interval(np.linspace(0, 1, len(giant)), giant)
    assert unequal.low is None
    assert unequal.reason == "10 groups so unequal that they weigh like 2.1 equal ones: an interval needs 4"
    perfect = t_interval(np.ones(30), np.repeat(np.arange(10), 3))
    assert perfect.mean == 1
    assert perfect.low is None
    assert perfect.reason is not None
    assert perfect.reason.startswith("all 10 groups have the same mean")


def test_the_macro_interval_weighs_every_group_the_same() -> None:
    values, groups = (
        np.repeat([0.2, 0.4, 0.3, 0.6, 0.5], [1, 2, 3, 4, 90]),
        np.repeat(np.arange(5), [1, 2, 3, 4, 90]),
    )
    assert t_interval(values, groups).low is None
    assert macro_interval(values, groups) == t_interval([0.2, 0.4, 0.3, 0.6, 0.5], np.arange(5))


def test_differences_are_clipped_to_their_own_range() -> None:
    differences = [-0.9, 0.9, -0.8, 0.7, 0.1]
    low, high = bounds(t_interval(differences, np.arange(5), lowest=-1, highest=1))
    assert low < -0.5
    assert high > 0.5
    assert bounds(t_interval(differences, np.arange(5)))[0] == 0


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (50, 100), (3, 7), (2939, 7178)])
def test_wilson_is_scipys(successes: int, n: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson(successes, n) == pytest.approx((expected.low, expected.high))


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_corrected_t_widens_by_the_share_of_the_test_part() -> None:
    scores = [0.40, 0.44, 0.42, 0.46, 0.43]
    variance = np.var(scores, ddof=1)
    reach = 2.7764451051977987 * np.sqrt((1 / 5 + 1 / 3) * variance)
    assert corrected_t(scores, 1 / 3) == pytest.approx((0.43 - reach, 0.43 + reach))
    with pytest.raises(ValueError, match="two"):
        corrected_t([0.5], 0.3)
