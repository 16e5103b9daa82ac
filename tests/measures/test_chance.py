"""Closed forms against simulation, against exhaustive enumeration, and on the real ground truth."""

from __future__ import annotations

import itertools
import json
import math
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.measures import chance
from strata.measures.average_precision import step_average_precision
from tests.retrieval.one_ranking import (
    hit_at_k,
    precision_at_k,
    r_precision,
    recall_at_k,
    trapezoid_average_precision,
)

CASES = [(1, 1), (1, 2), (2, 2), (1, 7), (3, 7), (6, 7), (7, 7), (4, 9)]


def every_ranking(positives: int, ranked: int) -> list[np.ndarray]:
    return [np.array(places) for places in itertools.combinations(range(ranked), positives)]


@pytest.mark.parametrize(("R", "N"), CASES)
def test_closed_forms_are_the_mean_over_every_possible_ranking(R: int, N: int) -> None:
    rankings = every_ranking(R, N)
    assert chance.step_ap(R, N) == pytest.approx(np.mean([step_average_precision(r, R) for r in rankings]))
    assert chance.trapezoid_ap(R, N) == pytest.approx(
        np.mean([trapezoid_average_precision(r, R) for r in rankings])
    )
    assert chance.precision(R, N) == pytest.approx(np.mean([r_precision(r, R) for r in rankings]))
    for k in (1, 3, 5, 10):
        assert chance.precision_at_k(R, N, k) == pytest.approx(
            np.mean([precision_at_k(r, k) for r in rankings])
        )
        assert chance.hit_at_k(R, N, k) == pytest.approx(np.mean([hit_at_k(r, k) for r in rankings]))
        assert chance.recall_at_k(N, k) == pytest.approx(np.mean([recall_at_k(r, R, k) for r in rankings]))


@pytest.mark.parametrize(("R", "N"), CASES)
def test_own_first_is_the_mean_over_every_ranking_that_starts_with_a_positive(R: int, N: int) -> None:
    rankings = [r for r in every_ranking(R, N) if r[0] == 0]
    assert chance.step_ap_own_first(R, N) == pytest.approx(
        np.mean([step_average_precision(r, R) for r in rankings])
    )
    assert chance.trapezoid_ap_own_first(R, N) == pytest.approx(
        np.mean([trapezoid_average_precision(r, R) for r in rankings])
    )
    for k in (1, 3, 10):
        assert chance.precision_at_k_own_first(R, N, k) == pytest.approx(
            np.mean([precision_at_k(r, k) for r in rankings])
        )


def test_a_large_case_agrees_with_simulation() -> None:
    rng = np.random.default_rng(3)
    drawn = [np.sort(rng.choice(500, 20, replace=False)) for _ in range(4000)]
    assert chance.step_ap(20, 500) == pytest.approx(
        np.mean([step_average_precision(r, 20) for r in drawn]), rel=0.03
    )
    assert chance.hit_at_k(20, 500, 10) == pytest.approx(np.mean([hit_at_k(r, 10) for r in drawn]), rel=0.05)


def test_arrays_broadcast_and_no_positives_give_zero() -> None:
    found = chance.step_ap(np.array([0, 1, 3]), 10)
    assert found.shape == (3,)
    assert found[0] == 0
    assert found[2] == chance.step_ap(3, 10)
    assert chance.trapezoid_ap(0, 0) == 0
    assert chance.hit_at_k(0, 10, 5) == 0
    assert chance.recall_at_k(0, 5) == 0
    assert chance.step_ap_own_first(0, 5) == 0


def ground_truth(name: str) -> Path:
    folder = os.environ.get("STRATA_TEST_DATA")
    if not folder:
        pytest.skip("STRATA_TEST_DATA is not set")
    return Path(folder) / "groundtruth" / name


def buildings(name: str) -> tuple[int, list[Any]]:
    """(pictures, one struct with ok, junk, loc a query) of a ground-truth file of Oxford5k or Paris6k."""
    from scipy.io import loadmat

    content = loadmat(ground_truth(name), squeeze_me=True, struct_as_record=False)
    return len(content["imlist"]), list(content["gnd"])


@pytest.mark.parametrize(("name", "expected"), [("gnd_oxford5k.mat", 0.0111), ("gnd_paris6k.mat", 0.0269)])
def test_chance_on_oxford_and_paris_is_the_published_protocols(name: str, expected: float) -> None:
    pictures, queries = buildings(name)
    assert len(queries) == 55
    positives = np.array([np.size(query.ok) for query in queries])
    ranked = pictures - np.array([np.size(query.junk) for query in queries])
    assert chance.trapezoid_ap(positives, ranked).mean() == pytest.approx(expected, abs=5e-5)


def test_chance_on_oxford_is_higher_when_the_query_itself_always_comes_first() -> None:
    pictures, queries = buildings("gnd_oxford5k.mat")
    positives = np.array([np.size(query.ok) for query in queries])
    ranked = pictures - np.array([np.size(query.junk) for query in queries])
    assert chance.trapezoid_ap_own_first(positives, ranked).mean() == pytest.approx(0.071, abs=5e-4)


def test_chance_on_brueghel_is_low() -> None:
    content = json.loads(ground_truth("brueghelTest.json").read_text(encoding="utf-8"))
    details = {
        detail: [len({image for image, _ in entry["gt"]} - {entry["query"][0]}) for entry in entries]
        for detail, entries in content.items()
    }
    by_detail = [chance.step_ap(np.array(counts), 1586).mean() for counts in details.values()]
    every = np.concatenate([np.array(counts) for counts in details.values()])
    assert len(every) == 273
    assert np.mean(by_detail) == pytest.approx(0.0209, abs=5e-5)
    assert chance.step_ap(every, 1586).mean() == pytest.approx(0.0257, abs=5e-5)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 12))
def test_a_hit_is_as_likely_as_exact_fractions_say(R: int, N: int, k: int) -> None:
    R = min(R, N)
    places = min(k, N)
    exact = 1 - Fraction(math.comb(N - R, places), math.comb(N, places))
    assert float(chance.hit_at_k(R, N, k)) == pytest.approx(float(exact), rel=1e-13, abs=0)


@pytest.mark.parametrize(("R", "N", "k"), [(1, 10**6, 5), (3, 10**7, 10), (20, 10**9, 1), (5000, 10**6, 10)])
def test_a_rare_hit_keeps_its_digits(R: int, N: int, k: int) -> None:
    none = Fraction(1)
    for i in range(k):
        none *= Fraction(N - R - i, N - i)
    assert float(chance.hit_at_k(R, N, k)) == pytest.approx(float(1 - none), rel=1e-13, abs=0)
