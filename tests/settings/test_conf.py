"""conf/: every file has every key, and lists in block style."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from stages.settings import read_yaml
from strata.results.gate import GateConf
from strata.settings.consistency import MODULE_PATH, PLACEHOLDERS, USUAL_ALIASES
from strata.settings.params import DatasetConf, ModelConf, parse

ROOT = Path(__file__).resolve().parents[2]
DATASETS = sorted((ROOT / "conf/datasets").glob("*.yaml"))
MODELS = sorted((ROOT / "conf/models").glob("*.yaml"))
OPEN = {"local", "open_clip"}  # conf/paths says what they are


def by_name(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", DATASETS, ids=by_name)
def test_every_data_set_has_every_key(path: Path) -> None:
    """A key that is missing is fatal to DVC, which reads the keys of whichever data set is chosen."""
    conf = parse(DatasetConf, read_yaml(path), path.name)
    for entry in (conf.prompts or {}).values():
        assert conf.classes is None or entry.facet in conf.classes
        for template in entry.templates:
            assert set(re.findall(r"{(\w*)}", template)) <= PLACEHOLDERS


@pytest.mark.parametrize("path", MODELS, ids=by_name)
def test_every_model_has_every_key_and_the_usual_aliases(path: Path) -> None:
    values = read_yaml(path)
    conf = parse(ModelConf, values, path.name)
    assert set(values) == set(ModelConf.model_fields)
    assert path.stem in OPEN or conf.weights.path or conf.weights.tag or conf.weights.source
    assert all(MODULE_PATH.fullmatch(module) for module in conf.aliases.values())
    assert not conf.aliases or set(USUAL_ALIASES) <= set(conf.aliases), "none, or all of them"


def test_the_demo_its_models_and_the_users_own_are_there() -> None:
    assert {"demo", "folder"} <= {path.stem for path in DATASETS}
    assert {"demo-rn", "demo-vit", *OPEN} <= {path.stem for path in MODELS}


def test_lists_are_in_block_style() -> None:
    """``-S`` rewrites flow-style lists, and the diff of an experiment would be full of them."""
    for path in [ROOT / "params.yaml", ROOT / "dvc.yaml", *(ROOT / "conf").rglob("*.yaml")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.match(r"[^#'\"]*(:|-) +\[[^]]", line.split(" #")[0]), f"{path}: {line}"


def test_the_last_rule_of_the_gate_fits_every_metric() -> None:
    conf = parse(GateConf, read_yaml(ROOT / "conf/gate.yaml"), "gate.yaml")
    assert conf.rules[-1].metric == "*"
    assert all(rule.metric != "*" for rule in conf.rules[:-1])


@pytest.mark.parametrize(
    ("metric", "direction", "tolerance"),
    [
        ("detail_map", "higher", 0.02),
        ("top1", "higher", 0.02),
        ("class_map_low", "higher", 0.05),
        ("accuracy_high_mood", "higher", 0.05),
        ("nmi_mood", "higher", 0.05),
        ("ece", "lower", 0.02),
        ("not_converged", "lower", 0.0),
        ("class_map_chance", "either", 0.001),
        ("purity_chance_mood", "either", 0.05),
        ("n", "either", 0.0),
        ("n_unlabelled", "either", 0.0),
        ("class_map_n_groups", "either", 0.0),
        ("pictures_rejected", "either", 0.0),
        ("extract_levels", "either", 0.0),
        ("best_layer", "free", 0.0),
        ("best_cluster_layer", "free", 0.0),
        ("best_cell", "free", 0.0),
        ("n_not_told_apart", "free", 0.0),
        ("cross_fitted", "higher", 0.02),
    ],
)
def test_tolerances_of_kinds_of_metrics(metric: str, direction: str, tolerance: float) -> None:
    conf = parse(GateConf, read_yaml(ROOT / "conf/gate.yaml"), "gate.yaml")
    rule = next(rule for rule in conf.rules if fnmatchcase(metric, rule.metric))
    assert (rule.direction, rule.tolerance) == (direction, tolerance)


def test_every_committed_metric_is_a_number_or_text() -> None:
    files = sorted((ROOT / "metrics").glob("*.json"))
    names = {"headline", "retrieval", "clusters", "probe", "zeroshot", "grid", "captions", "duplicates"}
    assert {path.stem for path in files} == names
    for path in files:
        content = json.loads(path.read_text(encoding="utf-8"))
        entries = [content] if path.stem == "headline" else list(content.values())
        for metric, value in (pair for values in entries for pair in values.items()):
            assert isinstance(value, (int, float, str)), f"{path}: {metric}"
            assert "." not in metric, f"{path}: DVC splits names at dots: {metric}"
