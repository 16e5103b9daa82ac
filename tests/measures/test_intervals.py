"""Intervals: known answers, what they reduce to, and whether they cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.measures.intervals import Interval, corrected_t, t_interval, wilson


def test_equal_groups_give_the_t_interval_over_group_means() -> None:
    from scipy import stats

    rng = np.random.default_rng(1)
    values = rng.uniform(0.2, 0.8, (11, 5))
    means = values.mean(1)
    low, high = stats.t.interval(0.95, 10, loc=means.mean(), scale=stats.sem(means))
    found = t_interval(values.ravel(), np.repeat(np.arange(11), 5))
    assert found == pytest.approx((values.mean(), low, high, 11))


def test_groups_of_one_give_the_ordinary_t_interval() -> None:
    from scipy import stats

    values = np.array([0.4, 0.45, 0.35, 0.6])
    low, high = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    found = t_interval(values, ["a", "b", "c", "d"])
    assert found == pytest.approx((values.mean(), low, high, 4))


def test_unequal_groups_match_the_cluster_robust_formula_written_as_a_loop() -> None:
    values, groups = [0.9, 0.8, 0.7, 0.2, 0.1, 0.5], ["a", "a", "a", "b", "b", "c"]
    mean = sum(values) / 6
    square = sum(
        sum(v - mean for v, g in zip(values, groups, strict=True) if g == group) ** 2 for group in "abc"
    )
    reach = 4.302652729911275 * (3 / 2 * square) ** 0.5 / 6  # t of 2 degrees of freedom at 0.975
    found = t_interval(values, groups)
    assert found == pytest.approx((mean, max(0, mean - reach), min(1, mean + reach), 3))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6)), min_size=1, max_size=60))
def test_the_interval_always_holds_the_reported_mean(queries: list[tuple[float, int]]) -> None:
    values, groups = zip(*queries, strict=True)
    found = t_interval(values, groups)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.n_groups == len(set(groups))
    if found.n_groups == 1:
        assert found.low is None
        assert found.high is None
    else:
        assert found.low is not None
        assert found.high is not None
        assert 0 <= found.low <= found.mean + 1e-12
        assert found.mean - 1e-12 <= found.high <= 1


def test_queries_without_a_value_are_left_out() -> None:
    with_nan = t_interval([0.5, np.nan, 0.7, 0.1], ["a", "b", "c", "d"])
    assert with_nan == t_interval([0.5, 0.7, 0.1], ["a", "c", "d"])
    assert t_interval([np.nan], ["a"]) == Interval(None, None, None, 0)
    assert t_interval([], []) == Interval(None, None, None, 0)


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


def coverage(sizes: list[int], between: float, within: float, runs: int) -> float:
    """Share of simulated data sets whose interval holds the true mean over queries.

    Groups differ (standard deviation ``between``, drawn anew each run); the queries of a group differ
    ``within`` it. The truth is 0.5 for every group size, so the mean over queries is unbiased.
    """
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    held = 0
    for _ in range(runs):
        level = rng.normal(0.5, between, len(sizes))
        values = level[groups] + rng.normal(0, within, len(groups))
        found = t_interval(values, groups)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.5 <= found.high
    return held / runs


@pytest.mark.slow
def test_eleven_groups_of_five_queries_with_one_truth_are_covered() -> None:
    assert 0.90 <= coverage([5] * 11, between=0.15, within=0.0, runs=4000) <= 0.97
    assert 0.90 <= coverage([5] * 11, between=0.12, within=0.08, runs=4000) <= 0.97


@pytest.mark.slow
def test_ten_groups_as_unequal_as_brueghels_are_nearly_covered() -> None:
    sizes = [13, 50, 11, 28, 57, 28, 27, 13, 24, 22]
    assert 0.88 <= coverage(sizes, between=0.15, within=0.05, runs=4000) <= 0.97


@pytest.mark.slow
def test_resampling_queries_instead_would_not_cover() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(1000):
        values = np.repeat(rng.normal(0.5, 0.15, 11), 5)
        found = t_interval(values, np.arange(55))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.5 <= found.high
    assert held / 1000 < 0.85
