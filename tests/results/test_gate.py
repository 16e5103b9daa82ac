"""The gate's comparison: what fails, what may move, what is only new."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.results.gate import Accepted, Failure, Rule, compare, is_accepted

RULES = [
    Rule(metric="n_*", direction="either"),
    Rule(metric="best_layer", direction="free"),
    Rule(metric="ece", direction="lower", tolerance=0.02),
    Rule(metric="*", direction="higher", tolerance=0.02),
]
FILE = "metrics/retrieval.json"


def one(metric: str, old: Any, new: Any) -> tuple[Failure, ...]:
    return compare({FILE: {"stem": {metric: old}}}, {FILE: {"stem": {metric: new}}}, RULES).failures


def test_equal_metrics_pass_and_are_counted() -> None:
    metrics = {FILE: {"stem": {"map": 0.5, "ap": "step"}, "late": {"map": 0.6}}}
    result = compare(metrics, metrics, RULES)
    assert (result.compared, result.failures, result.added) == (3, (), ())


def test_a_drop_beyond_the_tolerance_names_everything() -> None:
    assert one("map", 0.5, 0.4799) == (Failure(FILE, "stem", "map", "0.5", "0.4799", "may drop by 0.02"),)


def test_a_drop_of_just_the_tolerance_passes() -> None:
    assert not one("map", 0.5, 0.48)


def test_a_better_metric_passes() -> None:
    assert not one("map", 0.5, 0.9)
    assert not one("ece", 0.5, 0.1)


def test_a_metric_that_is_better_when_lower_fails_when_it_rises() -> None:
    assert one("ece", 0.1, 0.13)[0].allowed == "may rise by 0.02"
    assert not one("ece", 0.1, 0.12)


@pytest.mark.parametrize("new", [319, 321])
def test_a_count_must_be_equal(new: int) -> None:
    assert one("n_images", 320, new)[0].allowed == "may move by 0"
    assert not one("n_images", 320, 320.0)


@pytest.mark.parametrize("new", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_fails(new: float) -> None:
    assert one("map", 0.5, new)[0].allowed == "must be a number"
    assert one("map", math.nan, new)
    assert one("best_layer", 0.5, new)


def test_a_new_metric_that_is_no_number_fails() -> None:
    failures = compare({FILE: {"stem": {}}}, {FILE: {"stem": {"map": math.nan}}}, RULES).failures
    assert [failure.name for failure in failures] == [f"{FILE} stem map"]


def test_a_number_that_became_null_fails() -> None:
    assert one("map", 0.5, None)[0].new == "null"


def test_null_may_stay_or_become_a_number() -> None:
    assert not one("map", None, None)
    assert not one("map", None, 0.1)


@pytest.mark.parametrize(
    ("metric", "old", "new"),
    [
        ("dataset", "demo", "folder"),
        ("model", "demo-rn", "demo-vit"),
        ("ap", "step", "trapezoid"),
        ("centred", False, True),
        ("map", 0.5, "none"),
        ("ap", "step", 0.5),
        ("ap", "step", None),
        ("centred", True, 1),
    ],
)
def test_a_changed_policy_fails_with_its_name(metric: str, old: Any, new: Any) -> None:
    failures = one(metric, old, new)
    assert [(failure.metric, failure.allowed) for failure in failures] == [(metric, "must be equal")]


def test_a_free_result_may_be_another_but_not_be_missing() -> None:
    assert not one("best_layer", "stem", "late")
    assert one("best_layer", "stem", None)
    assert compare({FILE: {"": {"best_layer": "stem"}}}, {FILE: {"": {}}}, RULES).failures


def test_a_missing_metric_fails() -> None:
    failures = compare({FILE: {"stem": {"map": 0.5}}}, {FILE: {"stem": {}}}, RULES).failures
    assert [(failure.name, failure.new) for failure in failures] == [(f"{FILE} stem map", "missing")]


def test_a_missing_layer_is_one_failure() -> None:
    old = {FILE: {"stem": {"map": 0.5, "p": 0.5}, "late": {"map": 0.5}}}
    failures = compare(old, {FILE: {"late": {"map": 0.5}}}, RULES).failures
    assert [(failure.name, failure.new) for failure in failures] == [(f"{FILE} stem", "missing")]


def test_a_missing_file_is_one_failure() -> None:
    old = {FILE: {"stem": {"map": 0.5}}, "metrics/probe.json": {"stem": {"accuracy": 0.5}}}
    failures = compare(old, {FILE: {"stem": {"map": 0.5}}}, RULES).failures
    assert [(failure.name, failure.new) for failure in failures] == [("metrics/probe.json", "missing")]


def test_new_metrics_layers_and_files_are_listed_and_do_not_fail() -> None:
    new = {FILE: {"stem": {"map": 0.5, "p": 0.5}, "late": {"map": 0.5}}, "metrics/x.json": {"a": 1}}
    result = compare({FILE: {"stem": {"map": 0.5}}}, new, RULES)
    assert not result.failures
    assert result.added == (f"{FILE} stem p", f"{FILE} late map", "metrics/x.json a")


def test_changed_policies_come_before_the_numbers_they_explain() -> None:
    old = {FILE: {"stem": {"map": 0.5, "ap": "step"}}}
    new = {FILE: {"stem": {"map": 0.1, "ap": "trapezoid"}}}
    assert [failure.metric for failure in compare(old, new, RULES).failures] == ["ap", "map"]


def test_metrics_beside_the_layers_are_compared_too() -> None:
    failures = compare(
        {"m.json": {"map": 0.5, "dataset": "demo"}}, {"m.json": {"map": 0.4, "dataset": "x"}}, RULES
    )
    assert [failure.name for failure in failures.failures] == ["m.json dataset", "m.json map"]


@pytest.mark.parametrize(
    "content", [[1], {"stem": {"map": [0.5]}}, {"stem": [0.5]}, {"stem": {"map": {"a": 1}}}]
)
def test_metrics_of_another_shape_are_one_line(content: Any) -> None:
    with pytest.raises(StrataError, match=r"^m\.json: "):
        compare({"m.json": {}}, {"m.json": content}, RULES)


def test_a_metric_without_a_rule_is_an_error() -> None:
    with pytest.raises(StrataError, match="no rule fits f stem map; end the rules with one for"):
        compare({"f": {"stem": {"map": 1}}}, {"f": {"stem": {"map": 1}}}, RULES[:2])


def test_an_accepted_change_counts_for_its_base_alone() -> None:
    failure = Failure("metrics/zeroshot.json", "motif", "top_1", "0.9", "0.5", "may drop by 0.02")
    accepted = [Accepted(base="0123abc", values="metrics/zeroshot.json *", reason="new prompts")]
    assert is_accepted(failure, accepted, "0123abc" + "0" * 33)
    assert not is_accepted(failure, accepted, "f" * 40)
    assert not is_accepted(
        Failure("metrics/probe.json", "stem", "x", "1", "0", ""), accepted, "0123abc" + "0" * 33
    )


numbers = st.floats(0, 1).map(lambda value: round(value, 4))


@given(
    st.dictionaries(st.sampled_from("abcdef"), numbers), st.dictionaries(st.sampled_from("abcdef"), numbers)
)
def test_it_fails_exactly_when_a_number_is_gone_or_dropped(
    old: dict[str, float], new: dict[str, float]
) -> None:
    expected = {
        key for key, value in old.items() if key not in new or round((value - new[key]) * 10_000) > 200
    }
    assert {it.metric for it in compare({"f": {"l": old}}, {"f": {"l": new}}, RULES).failures} == expected
