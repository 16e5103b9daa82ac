"""Typed with -S one after the other, lists leave the YAML files readable and nothing else in them changed.

DVC writes the file anew with its comments: one that stands behind a key whose list becomes empty ends up
where YAML allows none, and every later run ends with "YAML file structure is corrupted".
"""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
LISTS = {
    "params.yaml": (
        "layers",
        "dense.layers",
        "dense.cells",
        "retrieve.measures",
        "grid.poolings",
        "grid.treatments",
    ),
    "conf/paths/folder.yaml": ("words", "templates"),
}
VALUES: dict[str, Any] = {"[]": [], "null": None, "[a]": ["a"], "[a,b]": ["a", "b"]}


def taken(content: dict[str, Any], key: str) -> Any:
    """The value of a dotted key, which ``content`` loses."""
    *parents, last = key.split(".")
    for parent in parents:
        content = content[parent]
    return content.pop(last)


@pytest.mark.parametrize(("file", "key"), [(file, key) for file, keys in LISTS.items() for key in keys])
def test_lists_typed_one_after_the_other_can_be_read(file: str, key: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    for typed in itertools.product(VALUES, repeat=2):
        shutil.copy(ROOT / file, copy)
        before = YAML(typ="safe").load(copy)
        for value in typed:
            apply_overrides(copy, [f"{key}={value}"])
        after = YAML(typ="safe").load(copy)
        assert taken(after, key) == VALUES[typed[-1]], typed
        taken(before, key)
        assert after == before, typed


def test_every_list_of_params_is_tried() -> None:
    content = YAML(typ="safe").load(ROOT / "params.yaml")
    sections = {f"{name}.": part for name, part in content.items() if isinstance(part, dict)} | {"": content}
    lists = {
        f"{at}{key}"
        for at, part in sections.items()
        for key, value in part.items()
        if isinstance(value, list)
    }
    assert lists <= set(LISTS["params.yaml"])
