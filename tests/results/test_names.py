"""Names of metrics/*.json: put together, taken apart, and refused where they would mean two things."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.settings import params
from strata.base.errors import StrataError
from strata.measures.measure_names import MEASURES
from strata.results.names import (
    BOUNDS,
    FACET_POLICIES,
    OF_FACET,
    OF_LAYER,
    OF_TASK,
    SPACES,
    TASK_POLICIES,
    Name,
    check_names,
    parse,
)
from strata.results.parameters import flat_params
from strata.settings.params import CLASS_TASK

words = st.sampled_from(
    ["own", "map", "hard", "low", "detail", "key", "mood", "p", "chance", "accuracy", "n"]
)
called = st.lists(words, min_size=1, max_size=3).map("_".join)


def refusal(tasks: list[str], facets: list[str], parameters: tuple[str, ...] = ()) -> str:
    with pytest.raises(StrataError) as caught:
        check_names(tasks, facets, "x.yaml", parameters)
    message = str(caught.value)
    assert message.startswith("x.yaml: a ")
    assert "\n" not in message
    return message


@given(st.lists(called, max_size=4, unique=True), st.lists(called, max_size=4, unique=True))
def test_names_that_are_not_refused_lead_back_to_what_they_name(tasks: list[str], facets: list[str]) -> None:
    try:
        check_names(tasks, facets, "x.yaml")
    except StrataError:
        return
    for bound in (None, *BOUNDS):
        for metric in OF_TASK:
            for task in (*tasks, CLASS_TASK):
                for space in (None, *SPACES):
                    name = Name(metric, task, space, bound)
                    assert parse(name.flat(facets), [*tasks, CLASS_TASK], facets) == name
        for metric in OF_FACET:
            for facet in facets:
                name = Name(metric, bound=bound, facet=facet)
                assert parse(name.flat(facets), [*tasks, CLASS_TASK], facets) == name


@pytest.mark.parametrize(
    ("tasks", "facets", "said"),
    [
        (["detail", "detail_map"], [], "a task cannot be called 'detail_map': "),
        (["train"], ["motif"], "a task cannot be called 'train': train_accuracy "),
        (["class_map"], [], "a task cannot be called 'class_map': "),
        ([], ["motif", "low"], "a facet cannot be called 'low': "),
        ([], ["motif", "chance"], "a facet cannot be called 'chance': "),
        ([], ["motif", "pca"], "a facet cannot be called 'pca': "),
        ([], ["motif", "accuracy"], "a facet cannot be called 'accuracy': "),
        ([], ["motif", "mood", "low_mood"], "a facet cannot be called 'low_mood': "),
    ],
)
def test_a_name_that_would_mean_two_things_is_refused(tasks: list[str], facets: list[str], said: str) -> None:
    assert said in refusal(tasks, facets)


def test_a_task_whose_policies_are_called_like_parameters_is_refused() -> None:
    assert "'retrieve': retrieve_junk" in refusal(["retrieve"], [], ("retrieve_junk",))


@pytest.mark.parametrize(
    ("tasks", "facets"),
    [
        (["detail"], ["motif", "medium", "mood"]),
        (["easy", "medium", "hard"], []),
        (["own", "own_hard"], ["low", "mood", "low_key", "genre", "sub_genre"]),  # the first adds nothing
    ],
)
def test_other_names_are_taken(tasks: list[str], facets: list[str]) -> None:
    check_names(tasks, facets, "x.yaml", flat_params(params().model_dump(), "_"))


def test_every_name_of_a_task_or_facet_in_the_demos_metrics_is_known() -> None:
    tasks, facets = ["detail", "class"], ["motif", "medium", "mood"]
    parameters = flat_params(params().model_dump(), "_")
    for file in ("retrieval", "clusters", "probe"):
        for flat, value in json.loads(Path(f"metrics/{file}.json").read_text())["late"].items():
            name = parse(flat, tasks, facets)
            if isinstance(value, str) or flat in parameters:
                assert name.task is None or name.metric in TASK_POLICIES
            elif name.task:
                assert name.metric in OF_TASK
            elif name.facet:
                assert name.metric in OF_FACET
            else:
                assert name.metric in OF_LAYER
    assert set(MEASURES[2:]) <= set(OF_TASK)
    assert FACET_POLICIES == ("drawn",)
