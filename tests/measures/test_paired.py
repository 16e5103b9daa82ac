"""Two systems compared: exact p values by hand and by enumeration, Holm by its definition, type I error."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.measures.intervals import t_interval
from strata.measures.paired import compare, holm, sign_flip_p, sign_flips, smallest_p


@settings(deadline=None)
@given(st.lists(st.integers(-8, 8), min_size=1, max_size=9))
def test_p_is_the_share_of_all_sign_patterns_that_come_as_far(totals: list[int]) -> None:
    patterns = list(itertools.product((-1, 1), repeat=len(totals)))
    reached = [abs(np.dot(signs, totals)) >= abs(sum(totals)) for signs in patterns]
    p, smallest = sign_flip_p(np.array(totals) / 10)
    assert p == pytest.approx(np.mean(reached))
    assert smallest == min(1.0, 2 / 2 ** np.count_nonzero(totals))
    assert p >= smallest


def test_ten_groups_cannot_give_less_than_two_in_a_thousand() -> None:
    assert sign_flip_p(np.full(10, 0.3)) == (2 / 2**10, 2 / 2**10)
    assert round(smallest_p(10), 3) == 0.002


def test_many_groups_are_flipped_at_random_and_p_is_never_zero() -> None:
    totals = np.full(30, 0.1)
    assert sign_flip_p(totals, draws=999) == (1 / 1000, 1 / 1000)
    mixed = np.random.default_rng(1).normal(0.1, 1, 14)
    exact, drawn = sign_flip_p(mixed)[0], sign_flip_p(mixed, draws=8000)[0]
    assert drawn == pytest.approx(exact, abs=0.02)
    assert drawn != exact
    assert sign_flip_p(mixed, draws=8000, seed=1)[0] != drawn == sign_flip_p(mixed, draws=8000)[0]


@pytest.mark.parametrize(("n_groups", "draws"), [(1, 10), (4, 8), (9, 1000), (700, 20000)])
def test_flips_are_signs_and_as_many_as_asked_for(n_groups: int, draws: int) -> None:
    signs = np.concatenate(list(sign_flips(n_groups, draws)))
    assert signs.shape == (min(draws, 2 ** (n_groups - 1)), n_groups)
    assert set(np.unique(signs)) <= {-1.0, 1.0}
    if n_groups > 50:
        assert np.abs(signs.mean(axis=0)).max() < 0.05


def test_groups_are_flipped_and_not_queries() -> None:
    late, early = np.full(40, 0.6), np.full(40, 0.5)
    assert compare(late, early, np.arange(40)).p < 0.001
    by_group = compare(late, early, np.repeat(np.arange(4), 10))
    assert by_group.p == by_group.smallest_p == 2 / 2**4
    assert by_group.difference.reason == "4 groups: an interval needs 5"


def test_the_difference_is_first_minus_second_over_the_queries_both_have() -> None:
    rng = np.random.default_rng(2)
    first, second, groups = rng.random(60), rng.random(60), rng.integers(0, 12, 60)
    first[3], second[7] = np.nan, np.nan
    second[11] = first[11]
    found, turned = compare(first, second, groups), compare(second, first, groups)
    assert found.difference == t_interval(first - second, groups, lowest=-1, highest=1)
    assert found.difference.mean == pytest.approx(np.nanmean(first - second))
    assert found.wins == np.sum(first > second) == turned.losses
    assert (found.ties, found.wins + found.ties + found.losses) == (1, 58)
    assert found.p == turned.p


def test_equal_systems_differ_by_nothing() -> None:
    found = compare([0.5, 0.2, np.nan], [0.5, 0.2, 0.1], ["a", "b", "c"])
    assert (found.difference.mean, found.p, found.smallest_p) == (0.0, 1.0, 1.0)
    assert (found.wins, found.ties, found.losses) == (0, 2, 0)
    assert compare([np.nan], [1.0], ["a"]).p == 1


@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), max_size=12))
def test_holm_is_its_definition(p_values: list[float]) -> None:
    known = sorted(p for p in p_values if p == p)
    steps = [(len(known) - i) * p for i, p in enumerate(known)]
    expected = [p if p != p else min(1.0, max(steps[: known.index(p) + 1])) for p in p_values]
    # Of equal p values the first has the largest factor, and the later ones are at least as large.
    assert holm(p_values) == pytest.approx(np.array(expected), nan_ok=True)


def test_holm_keeps_the_shape_of_the_table() -> None:
    assert holm([[0.01, np.nan], [0.04, 0.03]]) == pytest.approx(
        np.array([[0.03, np.nan], [0.06, 0.06]]), nan_ok=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("n_groups", [7, 10, 40])
def test_equal_systems_are_called_different_in_one_case_of_twenty(n_groups: int) -> None:
    rng, wrong, held = np.random.default_rng(6), [], []
    for _ in range(2000):
        groups = np.repeat(np.arange(n_groups), rng.integers(10, 30, n_groups))
        second = rng.beta(2, 3, len(groups))
        first = second + rng.normal(0, 0.05, n_groups)[groups] + rng.normal(0, 0.05, len(groups))
        found = compare(first, second, groups, draws=999)
        wrong.append(found.p <= 0.05)
        assert found.difference.low is not None
        assert found.difference.high is not None
        held.append(found.difference.low <= 0 <= found.difference.high)
    assert 0.03 <= np.mean(wrong) <= 0.06
    assert 0.92 <= np.mean(held) <= 0.97
