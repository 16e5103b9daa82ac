"""``evaluate`` scores any ranking as a loop by hand does, whatever form rankings and relevance come in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.measures.evaluate import evaluate


def slow_ap(order: list[Any], grades: dict[Any, int], own: Any, ap: str, junk: str, self_match: str) -> float:
    """One query, place by place; grades: 1 positive, -1 junk; NaN without positives."""
    grades = dict(grades)
    if self_match == "exclude":
        grades.pop(own, None)
        order = [item for item in order if item != own]
    elif own is not None and grades.get(own, 0) >= 0:
        grades[own] = 1
    if junk == "skip":
        order = [item for item in order if grades.get(item, 0) >= 0]
    total = sum(grade > 0 for grade in grades.values())
    if not total:
        return math.nan
    area, found, before = 0.0, 0, 1.0
    for place, item in enumerate(order, start=1):
        positive = grades.get(item, 0) > 0
        found += positive
        precision = found / place
        if positive:
            area += precision if ap == "step" else (before + precision) / 2
        before = precision
    return area / total


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """Similarities with ties and items that are not ranked, relevance with junk, own items."""
    n_queries, n_items = draw(st.integers(1, 4)), draw(st.integers(1, 9))
    value = st.sampled_from([-math.inf, -0.5, 0.0, 0.25, 0.5, 1.0])
    row = st.lists(value, min_size=n_items, max_size=n_items)
    grade = st.lists(st.sampled_from([-1, 0, 0, 1, 1]), min_size=n_items, max_size=n_items)
    own = st.one_of(st.none(), st.integers(0, n_items - 1))

    def each(strategy: st.SearchStrategy[Any]) -> Any:
        return draw(st.lists(strategy, min_size=n_queries, max_size=n_queries))

    return {"scores": np.array(each(row)), "grades": np.array(each(grade)), "own": each(own)}


POLICIES = {
    "ap": st.sampled_from(["step", "trapezoid"]),
    "junk": st.sampled_from(["skip", "negative"]),
    "self_match": st.sampled_from(["exclude", "include"]),
}


@given(asked=questions(), policies=st.fixed_dictionaries(POLICIES))
def test_similarities_score_as_a_loop_by_hand(asked: dict[str, Any], policies: dict[str, Any]) -> None:
    scored = evaluate(asked["scores"], asked["grades"], own=asked["own"], **policies)
    for query, (row, grades, own) in enumerate(zip(*asked.values(), strict=True)):
        order = sorted((i for i in range(len(row)) if row[i] > -math.inf), key=lambda i: (-row[i], i))
        wanted = slow_ap(order, dict(enumerate(grades.tolist())), own, **policies)
        found = scored.per_query[f"ap_{policies['ap']}"][query]
        assert found == pytest.approx(wanted, abs=1e-12, nan_ok=True)


@given(asked=questions(), policies=st.fixed_dictionaries(POLICIES))
def test_similarities_positions_and_names_give_the_same(
    asked: dict[str, Any], policies: dict[str, Any]
) -> None:
    scores, grades, own = asked.values()
    wanted = evaluate(scores, grades, own=own, **policies).per_query
    orders = [[i for i in np.argsort(-row, kind="stable").tolist() if row[i] > -math.inf] for row in scores]
    positions = evaluate(orders, grades, own=own, **policies).per_query
    named = evaluate(
        {f"q{query}": [f"item {i}" for i in order] for query, order in enumerate(orders)},
        {
            f"q{query}": {f"item {i}": g for i, g in enumerate(row.tolist())}
            for query, row in enumerate(grades)
        },
        own={f"q{query}": None if i is None else f"item {i}" for query, i in enumerate(own)},
        **policies,
    ).per_query
    for column, values in wanted.items():
        np.testing.assert_array_equal(positions[column], values, err_msg=column)
        np.testing.assert_array_equal(named[column], values, err_msg=column)


def test_a_positive_that_is_not_ranked_stays_in_the_denominator() -> None:
    scored = evaluate({"q": ["a", "b"]}, {"q": {"a": "good", "lost": "good"}})
    assert scored.per_query["ap_step"].tolist() == [0.5]
    assert (scored.per_query["n_positives"].item(), scored.per_query["n_found"].item()) == (2, 1)


def test_a_query_without_a_ranking_scores_nothing() -> None:
    scored = evaluate({"q": ["a"]}, {"q": {"a": 1}, "unanswered": {"a": 1}})
    assert scored.per_query["ap_step"].tolist() == [1.0, 0.0]
    assert scored.map == 0.5


def test_a_query_without_positives_is_left_out_of_means() -> None:
    scored = evaluate([[0.1, 0.2], [0.2, 0.1]], [[0, 1], [0, 0]])
    assert scored.map == 1.0
    assert math.isnan(scored.per_query["ap_step"][1])
    assert str(evaluate([[0.1]], [[0]])) == "no mAP: none of 1 queries has a positive"


def test_the_interval_goes_over_groups() -> None:
    similarities, relevance = [[0.9, 0.1]] * 12, [[1, 0], [0, 1]] * 6
    groups = ["a", "a", "b", "b", "c", "d", "e", "f", "g", "h", "g", "h"]
    apart = evaluate(similarities, relevance).interval
    together = evaluate(similarities, relevance, groups=groups).interval
    assert (apart.n_groups, together.n_groups) == (12, 8)
    assert together.mean == apart.mean == 0.75
    assert (together.low, together.high) != (apart.low, apart.high)
    assert apart.low is not None
    assert apart.low < 0.75


def test_chance_is_the_mean_over_all_orders() -> None:
    random = np.random.default_rng(3)
    scores = random.random((4000, 6))
    for policies in ({}, {"own": [0] * 4000, "self_match": "include"}):
        if policies:
            scores[:, 0] = 2.0
        scored = evaluate(scores, np.tile([1, 1, 0, 0, 1, -1], (4000, 1)), **policies)
        for measure in ("ap_step", "ap_trapezoid", "p_at_1", "p_at_5", "hit_at_5", "r_precision"):
            chance = scored.mean(f"chance_{measure.removeprefix('ap_')}")
            assert scored.mean(measure) == pytest.approx(chance, abs=0.02), measure


def test_which_grades_are_positive_is_an_argument() -> None:
    rankings, grades = {"q": ["a", "b", "c"]}, {"q": {"a": "easy", "b": "hard", "c": "hard"}}
    hard = evaluate(rankings, grades, positive_grades=["hard"], junk_grades=["easy"])
    assert hard.per_query["ap_step"].tolist() == [1.0]
    assert evaluate(rankings, grades, positive_grades=["easy"]).per_query["n_positives"].tolist() == [1]


def test_a_table_takes_it_as_it_is() -> None:
    import pyarrow as pa

    assert pa.table(evaluate([[0.5]], [[1]]).per_query).num_rows == 1


@pytest.mark.parametrize(
    ("found", "relevance", "options", "said"),
    [
        ([[0.1, math.nan]], [[1, 0]], {}, "row 0 holds NaN; use -inf"),
        ([[0.1, 0.2]], [[1, 0, 0]], {}, r"relevance is of shape \(1, 3\)"),
        ([[0, 5]], [[1, 0]], {}, "query 0 ranks 5, which is none of the items"),
        ([[0, 0]], [[1, 0]], {}, "query 0 ranks 0 twice"),
        ({"q": ["a"]}, {"q": {"a": "Good"}}, {}, r"grades are \['Good'\], positive_grades"),
        ([[0.1]], [[1]], {"ap": "voc"}, "ap = 'voc' is neither step nor trapezoid"),
        ([[0.1]], [[1]], {"own": [1, 2]}, "own: there must be one for each of 1 queries"),
        ([[0.1]], {"q": {"a": 1}}, {"queries": ["q"], "items": ["a", "b"]}, "items: 2 names for 1"),
        ({"q": ["a"]}, {"q": {"a": 1}}, {"groups": {}}, "groups: there must be one for each"),
    ],
)
def test_what_does_not_fit_together_is_one_line(
    found: Any, relevance: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(StrataError, match=said):
        evaluate(found, relevance, **options)
