"""``import strata`` costs nothing until something is asked for, and says what there is."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import strata

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"numpy", "torch", "torchvision", "open_clip", "pyarrow", "sklearn", "scipy", "PIL", "pydantic"}
MOST_MICROSECONDS = 100_000


def imported() -> dict[str, int]:
    """Module -> microseconds, of ``import strata`` in a process of its own."""
    command = [sys.executable, "-X", "importtime", "-c", "import strata"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stderr
    lines = [line.removeprefix("import time:").split("|") for line in said.splitlines()[1:]]
    return {name.strip(): int(total) for _, total, name in lines if total.strip().isdigit()}


def test_importing_strata_loads_nothing_heavy() -> None:
    modules = imported()
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert [name for name in modules if name.partition(".")[0] == "strata"] == ["strata"]
    assert modules["strata"] < MOST_MICROSECONDS


@pytest.mark.parametrize("name", strata.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(strata, name).__doc__
    assert name in dir(strata)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'strata' has no attribute 'evaluated'"):
        _ = strata.evaluated  # type: ignore[attr-defined]


def test_names_for_types_and_names_at_run_time_are_the_same() -> None:
    tree = ast.parse((ROOT / "strata" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    for_types = {
        (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert for_types == {(module, name) for module, names in strata._HOMES.items() for name in names}
    assert sorted(name for _, name in for_types) == sorted(strata.__all__)


@pytest.mark.parametrize("package", ["strata", "stages"])
def test_the_project_itself_imports_from_rooms_only(package: str) -> None:
    """What stands in ``strata/__init__.py`` is followed by no stage's deps."""
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "strata":
                assert not {alias.name for alias in node.names} & set(strata.__all__), path
