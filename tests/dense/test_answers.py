"""Templates, expansions and boxes of one answer, put together by hand."""

from __future__ import annotations

import numpy as np

from strata.dense.answers import Answer, average, best_windows
from strata.dense.calibration import Usual, sample_pictures, usual_scores
from strata.dense.matching import Best

NOTHING = Usual(np.zeros(0), np.zeros(0))


def answer(z: list[float], column: int) -> Answer:
    """Every window of it begins at ``column``."""
    windows = np.array([[column, 0, column + 2, 2]] * len(z), np.float64)
    return Answer(np.array(z, np.float32), windows, [], NOTHING)


def test_a_template_is_measured_by_what_is_usual_for_it() -> None:
    """The second scores higher everywhere and stands out nowhere."""
    scores = np.array([[0.1, 0.1, 0.1, 0.5, 0.1], [0.7, 0.8, 0.9, 0.8, 0.8]], np.float32)
    best = Best(scores, np.zeros((2, 5), np.int32), np.array([[1] * 5, [20] * 5], np.int32))
    templates = [np.zeros((3, 4, 1), np.int8), np.zeros((2, 5, 1), np.int8)]
    found = best_windows(best, templates, np.arange(5))
    assert found.first(1).tolist() == [3]
    assert np.allclose(found.windows[3], [1, 0, 5, 3])
    assert np.allclose(found.windows[2], [20, 0, 25, 2])


def test_windows_that_lie_on_the_best_one_vote() -> None:
    """The second is as good and one cell larger, the third lies elsewhere."""
    scores = np.array([[0.1, 0.5], [0.1, 0.5], [0.1, 0.5]], np.float32)
    columns = np.array([[0, 4], [0, 4], [0, 40]], np.int32)
    templates = [np.zeros((5, 5, 1), np.int8), np.zeros((6, 6, 1), np.int8), np.zeros((5, 5, 1), np.int8)]
    found = best_windows(Best(scores, np.zeros((3, 2), np.int32), columns), templates, np.arange(2))
    assert np.allclose(found.windows[1], [4, 0, 9.5, 5.5])


def test_the_usual_is_the_median_and_what_reaches_above_it() -> None:
    """The upper fifth begins .03 above the median: 1 / (1 / .031 + 1 / .05)."""
    usual = usual_scores(np.arange(101, dtype=np.float32)[None] / 1000)
    assert np.isclose(usual.middle, 0.05)
    assert np.isclose(usual.spread, 1 / (1 / 0.031 + 1 / 0.05))
    found = usual.standard(np.array([[0.05, 0.05 + usual.spread[0], 0.03]], np.float32))
    assert np.allclose(found, [[0, 1, -0.02 / usual.spread[0]]], atol=1e-4)


def test_a_sample_is_seeded_and_no_larger_than_the_collection() -> None:
    assert sample_pictures(5, 64, 1).tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(sample_pictures(1000, 64, 1), sample_pictures(1000, 64, 1))
    assert len(set(sample_pictures(1000, 64, 1).tolist())) == 64


def test_an_expansion_that_finds_the_query_back_counts_fully() -> None:
    query, back = answer([-np.inf, 2, 1, 0], 1), answer([9, 0, 4, 0], 2)
    found = average(query, [back], own=0)
    assert found.z.tolist() == [-np.inf, 1, 2.5, 0]
    assert found.windows[:, 0].tolist() == [2, 1, 2, 1]


def test_an_expansion_that_ranks_others_above_the_query_counts_less() -> None:
    """Five pictures above it: half."""
    query = answer([-np.inf, 0, 0, 0, 0, 0], 1)
    astray = answer([1, 3, 4, 5, 6, 7], 2)
    assert np.allclose(average(query, [astray], own=0).z[1:], np.array([3, 4, 5, 6, 7]) / 3)
    assert np.allclose(average(query, [astray], own=None).z[1:], np.array([3, 4, 5, 6, 7]) / 2)


def test_of_equal_pictures_the_first_comes_first() -> None:
    assert answer([1, 2, 2, -np.inf], 0).first(4).tolist() == [1, 2, 0]
