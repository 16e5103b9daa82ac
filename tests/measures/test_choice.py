"""The best of many cells: small cases by hand, and in simulation neither optimistic nor too sure."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.measures import choice
from strata.measures.choice import apart_from_best, choose, cross_fit, probability_best
from strata.measures.intervals import t_interval


def world(
    rng: np.random.Generator, levels: np.ndarray, n_groups: int, size: int = 20
) -> tuple[np.ndarray, np.ndarray]:
    """Cells of these true means: groups differ, cells differ from group to group, queries vary."""
    groups = np.repeat(np.arange(n_groups), size)
    common, own = rng.normal(0, 0.1, n_groups), rng.normal(0, 0.05, (len(levels), n_groups))
    noise = rng.normal(0, 0.1, (len(levels), len(groups)))
    return levels[:, None] + (common + own)[:, groups] + noise, groups


def test_a_query_that_one_cell_lacks_is_left_out_of_all() -> None:
    rng = np.random.default_rng(1)
    values, groups = rng.random((4, 50)), rng.integers(0, 8, 50)
    values[1, 5], values[2, 9] = np.nan, np.nan
    kept = np.setdiff1d(np.arange(50), [5, 9])
    found, expected = choose(values, groups), choose(values[:, kept], groups[kept])
    assert (found.n_queries, found.n_left_out, found.n_groups) == (48, 2, 8)
    assert found.best == expected.best == int(np.argmax(values[:, kept].mean(axis=1)))
    assert found.cross_fitted == expected.cross_fitted
    assert found.p_apart.tolist() == expected.p_apart.tolist()
    assert found.naive == t_interval(values[found.best, kept], groups[kept])
    with pytest.raises(ValueError, match="no query has a value in every cell"):
        choose([[np.nan, 1], [1, np.nan]], [0, 1])


def test_ten_groups_say_that_p_cannot_fall_below_two_in_a_thousand() -> None:
    values, groups = world(np.random.default_rng(2), np.array([0.1, 0.9, 0.2]), 10)
    found = choose(values, groups)
    assert (found.best, found.not_told_apart) == (1, [])
    assert found.smallest_p == found.p_apart[0] == found.p_apart[2] == 2 / 2**10
    assert found.p_best.tolist() == [0, 1, 0]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 5), min_size=5, max_size=5), min_size=2, max_size=5))
def test_p_apart_is_step_down_over_every_sign_pattern(table: list[list[int]]) -> None:
    values = np.array(table) / 5
    sums = values.sum(axis=1)
    order = np.argsort(-sums, kind="stable").tolist()
    expected, running = np.ones(len(table)), 0.0
    while len(order) > 1:  # the worst cell left, against the widest gap between any two that are left
        gap = sums[order[0]] - sums[order[-1]]
        flips = [values[order] @ np.array(signs) for signs in itertools.product((-1, 1), repeat=5)]
        running = max(running, float(np.mean([np.ptp(flip) >= gap - 1e-9 for flip in flips])))
        expected[order.pop()] = running
    assert apart_from_best(values, np.arange(5)) == pytest.approx(expected)


def test_cells_that_are_equal_share_the_wins_and_are_not_told_apart() -> None:
    values = np.random.default_rng(3).random((1, 30)) * [[0.5], [1], [1]]
    found = choose(values, np.arange(30))
    assert (found.best, found.not_told_apart) == (1, [2])
    assert found.p_apart[2] == 1
    assert found.p_best.tolist() == [0, 0.5, 0.5]


def test_p_best_is_one_half_for_two_cells_that_win_as_often() -> None:
    values = np.array([[1.0, 0.0] * 10, [0.0, 1.0] * 10])
    assert probability_best(values, np.arange(20)) == pytest.approx([0.5, 0.5], abs=0.02)


def test_a_query_is_judged_by_a_cell_that_was_chosen_without_its_group() -> None:
    own = np.kron(np.eye(6), np.ones((1, 4)))  # every cell answers one group and no other
    assert cross_fit(own, np.repeat(np.arange(6), 4)).mean == 0
    everywhere = np.vstack([own, np.full(24, 0.9)])
    assert cross_fit(everywhere, np.repeat(np.arange(6), 4)).mean == pytest.approx(0.9)
    assert cross_fit(own, np.zeros(24)).reason == "1 group: no others to choose on"


def test_the_seed_decides_and_batches_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    values, groups = world(np.random.default_rng(4), np.full(5, 0.5), 40, size=2)
    one = choose(values, groups, draws=500)
    assert choose(values, groups, draws=500, seed=1).p_best.tolist() != one.p_best.tolist()
    monkeypatch.setattr(choice, "WEIGHTS", 400)
    monkeypatch.setattr("strata.measures.paired.BATCH", 400)
    again = choose(values, groups, draws=500)
    assert again.p_best.tolist() == one.p_best.tolist()
    assert again.cross_fitted == one.cross_fitted


@pytest.mark.slow
@pytest.mark.parametrize(("n_groups", "levels"), [(10, np.full(30, 0.5)), (40, np.linspace(0.42, 0.5, 30))])
def test_the_best_looks_better_than_it_is_and_the_cross_fitted_value_does_not(
    n_groups: int, levels: np.ndarray
) -> None:
    rng, rows = np.random.default_rng(1), []
    for _ in range(1000):
        values, groups = world(rng, levels, n_groups)
        best, fitted = int(np.argmax(values.mean(axis=1))), cross_fit(values, groups)
        assert fitted.low is not None
        assert fitted.high is not None
        held = fitted.low <= levels[best] <= fitted.high
        rows.append((values[best].mean() - levels[best], (fitted.mean or 0) - levels[best], held))
    optimism, bias, coverage = np.mean(rows, axis=0)
    assert optimism > 0.01
    assert abs(bias) < 0.005
    assert 0.92 <= coverage <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_groups", "levels"),
    [
        (10, np.full(8, 0.5)),
        (10, np.full(30, 0.5)),
        (40, np.full(30, 0.5)),
        (10, np.repeat([0.2, 0.5], [10, 20])),
    ],
)
def test_some_equal_cell_is_told_apart_in_one_case_of_twenty(n_groups: int, levels: np.ndarray) -> None:
    rng, wrong = np.random.default_rng(1), []
    for _ in range(2000):
        p = apart_from_best(*world(rng, levels, n_groups), draws=999)
        wrong.append(np.any(p[levels == levels.max()] <= 0.05))
    assert 0.03 <= np.mean(wrong) <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("n_groups", [10, 40])
def test_a_clear_winner_is_found_among_equal_and_hopeless_cells(n_groups: int) -> None:
    rng = np.random.default_rng(4)
    levels = np.repeat([0.2, 0.5, 0.65], [5, 24, 1])
    found = [choose(*world(rng, levels, n_groups), draws=999) for _ in range(200)]
    assert {choice.best for choice in found} == {29}
    assert np.mean([choice.not_told_apart == [] for choice in found]) > 0.95
