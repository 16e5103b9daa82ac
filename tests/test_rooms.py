"""The rooms of ``strata/``: arrows only downward, no circle, each says what it holds and what it imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = {
    ".".join(path.with_suffix("").parts): path.read_text(encoding="utf-8")
    for path in (path.relative_to(ROOT) for path in sorted((ROOT / "strata").rglob("*.py")))
}
MODULES = {name.removesuffix(".__init__"): text for name, text in FILES.items()}


def rooms_of_the_readme() -> list[str]:
    """The rooms in the order of the README's map, which is the one statement of it: lowest first."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(
        r"^      (\w+)/ ", text.partition("    strata/ ")[2].partition("    experiments/")[0], re.M
    )


ROOMS = rooms_of_the_readme()


def imports(name: str) -> Iterator[str]:
    """The modules of ``strata`` that a module imports, inside functions and for types alone too."""
    for node in ast.walk(ast.parse(MODULES[name])):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in found:
            if module.split(".")[0] == "strata":
                yield module if module in MODULES else module.rpartition(".")[0]


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "strata"


def imported_rooms(room: str) -> set[str]:
    inside = [name for name in MODULES if room_of(name) == room]
    return {room_of(found) for name in inside for found in imports(name)} - {room}


def test_no_module_stands_outside_a_room() -> None:
    assert {name for name in FILES if name.count(".") < 2} == {"strata.__init__"}


def test_the_map_names_every_room_once() -> None:
    assert sorted(ROOMS) == sorted({room_of(name) for name in MODULES} - {"strata"})


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_before_it(room: str) -> None:
    assert imported_rooms(room) <= set(ROOMS[: ROOMS.index(room)])


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_is_in_it_and_what_it_imports(room: str) -> None:
    said = ast.get_docstring(ast.parse(MODULES[f"strata.{room}"])) or ""
    first, *_ = said.splitlines()
    assert len(first) > 20
    sentence = re.search(r"\bImports\s(.*?)[.;]\s", f"{said} ", re.S)
    assert sentence, "a sentence `Imports ``a`` and ``b``.`"
    assert set(re.findall(r"``(\w+)``", sentence[1])) == imported_rooms(room)


def test_no_import_leads_back_to_where_it_started() -> None:
    graph = {name: set(imports(name)) - {name} for name in MODULES}
    list(TopologicalSorter(graph).static_order())  # CycleError names the circle
