"""A small run in a folder of its own: the demo cut to 24 pictures, through every stage that leaves tables."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PICTURES = 24
PIPELINE: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"]
STAGES = {
    name: PIPELINE[name]["cmd"].replace("${dataset}", "demo").replace("${model}", "demo-rn").split()[3:]
    for name in (
        *("check", "download", "prepare", "extract", "pool", "index", "reduce"),
        *("cluster", "retrieve", "probe", "zeroshot"),
    )
}
"""The stages that are run, and their arguments in dvc.yaml."""


def write_project(folder: Path, changes: dict[str, Any]) -> dict[str, Any]:
    """conf, params.yaml with ``changes`` and the models, as in a clone; returns the parameters."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    (folder / "models").symlink_to(ROOT / "models")
    demo = folder / "conf" / "datasets" / "demo.yaml"
    demo.write_text(demo.read_text(encoding="utf-8").replace("pictures: 320", f"pictures: {PICTURES}"))
    params: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
    params |= {"dataset": "demo", "model": "demo-rn", "layers": ["stem", "late", "embedding"]}
    for key, value in changes.items():
        params[key] = {**params[key], **value} if isinstance(value, dict) else value
    (folder / "params.yaml").write_text(json.dumps(params), encoding="utf-8")  # JSON is YAML
    return params


def run_stages(folder: Path, names: list[str]) -> None:
    """The stages' ``main`` in turn, in ``folder``."""
    here = Path.cwd()
    variables = {key: value for key, value in os.environ.items() if not key.startswith("STRATA_")}
    os.chdir(folder)
    try:
        for name in names:
            argv = mock.patch.object(sys, "argv", [name, *STAGES[name]])
            with argv, mock.patch.dict(os.environ, variables, clear=True):
                importlib.import_module(f"stages.{name}").main()
    finally:
        os.chdir(here)


def write_lock(folder: Path, params: dict[str, Any]) -> None:
    """What DVC notes of the parameters of ``extract`` and ``pool``."""
    model = YAML(typ="safe", pure=True).load(folder / "conf" / "models" / f"{params['model']}.yaml")
    told = {key: model[key] for key in ("architecture", "weights", "aliases", "linear_stem")}
    dense = {f"dense.{key}": value for key, value in params["dense"].items()}
    of_extract = {key: params[key] for key in ("model", "layers", "extract")} | dense
    stages = {
        "extract": {
            "params": {"params.yaml": of_extract, f"conf/models/{params['model']}.yaml": told},
        },
        "pool": {"params": {"params.yaml": {key: params[key] for key in ("pooling", "pool")}}},
        "index": {"params": {"params.yaml": dense, "conf/datasets/demo.yaml": {"dense": None}}},
        "retrieve": {"params": {"params.yaml": {**dense, "retrieve": params["retrieve"]}}},
    }
    (folder / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}), encoding="utf-8")
