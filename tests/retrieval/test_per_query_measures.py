"""The table of one line a query: denominators, nulls, chance beside every measure."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strata.measures import chance
from strata.measures.measure_names import MEASURES
from strata.retrieval.per_query_measures import SCHEMA, Outcome, outcome_table, outcomes_of
from strata.retrieval.queries import Judgement, Query
from strata.retrieval.ranking import Placed
from tests.retrieval.one_ranking import placed_by_order

QUERY = Query("Q", "q", "g", 0, 0, boxed=False, whole=True)
NONE = np.zeros(0, np.int64)


def judgement(
    positives: list[int], total: int | None = None, skipped: list[int] = (), own: bool = False
) -> Judgement:
    left_out = np.array(skipped, np.int64)
    return Judgement(
        np.array(positives, np.int64),
        len(positives) if total is None else total,
        None,
        NONE,
        left_out,
        NONE,
        own,
    )


def outcome(order: list[int], judged: Judgement, kept: float = math.nan) -> Outcome:
    ranks, n_ranked = placed_by_order(np.array(order, np.int64), judged)
    return outcomes_of([QUERY], [judged], [Placed(np.array(ranks, np.int64), n_ranked)], [kept])[0]


def row(order: list[int], judged: Judgement) -> dict:
    return outcome_table("task", "full", [outcome(order, judged)]).to_pylist()[0]


def test_what_is_skipped_consumes_no_rank() -> None:
    found = row([4, 2, 7, 0, 1], judgement([1, 7], skipped=[2, 0]))
    assert found["ap_step"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found["n_ranked"] == 3


def test_counts_and_measures_of_one_query() -> None:
    found = row([4, 1, 7, 0], judgement([1, 7], total=3))
    assert (found["n_positives"], found["n_found"], found["n_ranked"]) == (3, 2, 4)
    assert found["ap_step"] == pytest.approx((1 / 2 + 2 / 3) / 3)
    assert (found["p_at_1"], found["p_at_5"], found["hit_at_5"]) == (0, 2 / 5, 1)
    assert found["recall_at_10"] == pytest.approx(2 / 3)
    assert found["recall_in_cluster"] is None


def test_chance_shares_the_denominator_of_what_it_stands_beside() -> None:
    found = row([4, 1, 7, 0], judgement([1, 7], total=3))
    assert found["chance_step"] == pytest.approx(float(chance.step_ap(2, 4)) * 2 / 3)
    assert found["chance_trapezoid"] == pytest.approx(float(chance.trapezoid_ap(2, 4)) * 2 / 3)
    assert found["chance_p"] == found["chance_p_at_1"] == 0.5
    assert found["chance_p_at_10"] == pytest.approx(0.5 * 4 / 10)
    assert found["chance_recall_at_10"] == pytest.approx(2 / 3)


def test_chance_is_the_mean_of_random_rankings() -> None:
    rng = np.random.default_rng(6)
    for own in (False, True):
        judged = judgement([0, 3, 5, 9, 14, 20], total=8, skipped=[7], own=own)
        outcomes = []
        for _ in range(3000):
            order = rng.permutation(30)
            if own:
                order = np.concatenate([[0], order[order != 0]])
            outcomes.append(outcome(order.tolist(), judged))
        found = outcome_table("task", "full", outcomes)
        table = {name: found[name].to_numpy() for name in found.schema.names}
        named = {name: f"chance_{name}" for name in MEASURES[2:-1]}
        for name, level in {**named, "ap_step": "chance_step", "ap_trapezoid": "chance_trapezoid"}.items():
            error = table[name].std() / len(outcomes) ** 0.5
            assert abs(table[name].mean() - table[level][0]) <= 4 * error + 1e-12, name


def test_a_query_without_positives_has_no_measures() -> None:
    found = row([4, 1], judgement([]))
    assert found["n_positives"] == 0
    assert all(found[name] is None for name in MEASURES)
    assert found["chance_step"] is None


def test_a_query_that_ranked_nothing_scores_zero() -> None:
    found = row([], judgement([1, 7]))
    assert (found["n_ranked"], found["ap_step"], found["r_precision"], found["chance_step"]) == (0, 0, 0, 0)


def test_an_empty_table_keeps_its_columns() -> None:
    assert outcome_table("task", "full", []).schema == SCHEMA


def test_chance_may_be_that_of_another_search() -> None:
    everything = outcome([4, 1, 7, 0], judgement([1, 7]))
    inside = outcome([1, 0], judgement([1, 7]), 0.5)
    found = outcome_table("task", "in_cluster", [inside], [everything]).to_pylist()[0]
    assert found["n_ranked"] == 2
    assert found["chance_step"] == pytest.approx(float(chance.step_ap(2, 4)))
    assert found["recall_in_cluster"] == 0.5
