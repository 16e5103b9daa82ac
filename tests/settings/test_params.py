"""params.yaml: a wrong value is one line that names the key, the value and what is allowed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from strata.base.errors import StrataError
from strata.settings import params as classes
from strata.settings.params import ClassEntry, DatasetConf, ModelConf, Params, PromptSet, Strict, only, parse

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(
        (ROOT / "params.yaml").read_text(encoding="utf-8")
    )
    loaded["extract"]["levels"] = loaded["pool"]["levels"] = 3
    return loaded


def changed(values: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(values)
    *parents, last = key.split(".")
    inner = result
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return result


def test_the_committed_parameters_are_right(values: dict[str, Any]) -> None:
    assert parse(Params, values, "params.yaml").layers == values["layers"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dataset", "../demo"),
        ("dataset", 3),
        ("model", "a b"),
        ("pooling", "maximum"),
        ("layers", []),
        ("layers", "stem"),
        ("layers", ["stem", "stem"]),
        ("extract.view", "crop"),
        ("extract.image_size", 8),
        ("extract.image_size", 100.5),
        ("extract.pixel_norm", "imagenet"),
        ("extract.precision", "fp8"),
        ("extract.decode", "quick"),
        ("extract.levels", 0),
        ("extract.levels", 13),
        ("extract.position_l2", "perhaps"),
        ("extract.conv1_stride", 0),
        ("extract.gem_p", 0),
        ("extract.gem_p", float("nan")),
        ("pool.levels", 4),
        ("pool.whiten", "../elsewhere"),
        ("pool.center", None),
        ("reduce.components", 0),
        ("cluster.seed", -1),
        ("cluster.k", 0),
        ("cluster.restarts", 0),
        ("query.view", "box"),
        ("retrieve.match", "local"),
        ("retrieve.metric", "manhattan"),
        ("retrieve.top_k", 0),
        ("retrieve.self_match", True),
        ("retrieve.junk", "keep"),
        ("retrieve.class_every", 0),
        ("retrieve.measures", ["ndcg"]),
        ("retrieve.budget_mib", 0),
        ("probe.C", 0),
        ("probe.splits", 0),
        ("probe.test_share", 1.0),
        ("zeroshot.top", 0),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_key(values: dict[str, Any], key: str, value: Any) -> None:
    with pytest.raises(StrataError) as caught:
        parse(Params, changed(values, key, value), "params.yaml")
    message = str(caught.value)
    assert message.startswith("params.yaml: ")
    assert key in message
    assert "\n" not in message


def test_a_wrong_choice_names_what_is_allowed(values: dict[str, Any]) -> None:
    with pytest.raises(StrataError, match=r"pooling = 'maximum' is wrong.*'rmac_global'"):
        parse(Params, changed(values, "pooling", "maximum"), "params.yaml")


def test_a_missing_key_is_named(values: dict[str, Any]) -> None:
    without = copy.deepcopy(values)
    del without["retrieve"]["junk"]
    with pytest.raises(StrataError, match=r"^params\.yaml: retrieve\.junk is missing$"):
        parse(Params, without, "params.yaml")


@pytest.mark.parametrize("key", ["poling", "pool.level", "zeroshot.k"])
def test_a_misspelt_key_is_named(values: dict[str, Any], key: str) -> None:
    with pytest.raises(StrataError, match=f"^params.yaml: {key} is not a key of this file$"):
        parse(Params, changed(values, key, 1), "params.yaml")


def test_pooling_more_levels_than_are_kept_says_what_to_do(values: dict[str, Any]) -> None:
    with pytest.raises(
        StrataError, match=r"pool\.levels is 4 .* extract\.levels = 3 .*raise extract\.levels"
    ):
        parse(Params, changed(values, "pool.levels", 4), "params.yaml")


def test_parameters_cannot_be_changed_after_reading(values: dict[str, Any]) -> None:
    params = parse(Params, values, "params.yaml")
    with pytest.raises(ValueError, match="frozen"):
        params.pooling = "avg"


def test_a_null_class_name_and_defaults_of_a_prompt_set() -> None:
    assert parse(ClassEntry, {"id": "cat"}, "x").name is None
    assert parse(PromptSet, {"facet": "f", "templates": ["{name}"]}, "x").synonyms is False


def test_a_data_set_without_a_key_is_refused() -> None:
    values = YAML(typ="safe", pure=True).load((ROOT / "conf/datasets/demo.yaml").read_text(encoding="utf-8"))
    for key in list(values):
        with pytest.raises(StrataError, match=f"{key} is missing"):
            parse(DatasetConf, {name: value for name, value in values.items() if name != key}, "demo.yaml")


def test_a_sha256_that_is_none_is_refused() -> None:
    weights = {"path": None, "tag": "openai", "sha256": "afeb0e10", "source": None}
    values = {"title": "t", "architecture": "RN50", "weights": weights, "aliases": {}, "image_only": False}
    with pytest.raises(StrataError, match=r"weights\.sha256 = 'afeb0e10' is wrong"):
        parse(ModelConf, values, "rn50.yaml")


def test_only_the_keys_asked_for_are_there(values: dict[str, Any]) -> None:
    every = parse(Params, values, "params.yaml")
    some = only(every, ["pool.levels", "pool.center", "query", "query.view"])
    assert some.model_dump() == {"pool": {"levels": 3, "center": every.pool.center}, "query": values["query"]}
    for read in (lambda: some.retrieve, lambda: some.pool.whiten):
        with pytest.raises(AttributeError):
            read()
    assert every.pool.whiten == values["pool"]["whiten"]


CHECKS = {"_levels_are_stored", "_csv_is_named", "_relevance_has_queries"}  # they raise, and change nothing
KINDS = [kind for kind in vars(classes).values() if isinstance(kind, type) and issubclass(kind, Strict)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_out_means_none_and_nothing_is_computed(kind: type[Strict]) -> None:
    """No stage depends on the code of these classes, only on values: so the code may not decide any."""
    for name, field in kind.model_fields.items():
        assert field.is_required() or field.get_default() in (None, False, []), name
    assert not kind.model_computed_fields
    decorators = kind.__pydantic_decorators__
    assert not decorators.field_validators
    assert {*decorators.model_validators} <= CHECKS
    assert all(check.info.mode == "after" for check in decorators.model_validators.values())
