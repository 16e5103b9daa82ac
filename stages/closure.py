"""Keep the deps of dvc.yaml equal to what the stages import: ``python -m stages.closure [--write]``.

A stage depends on its script and on every ``strata`` module the script imports, directly or not (read from
the syntax tree: imports inside functions count); on a package's ``__init__.py`` only where that holds code,
and on a package's folders of other files (templates). Not followed: ``stages.settings`` and
``strata.settings.params``, which carry parameters (DVC tracks their values), ``stages.running``, whose
messages are in no out, and ``strata`` itself, which hands out the library's names to people, to no stage.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from strata.base.errors import StrataError
from strata.base.files import write_text

PIPELINES = (Path("dvc.yaml"), Path("watch/dvc.yaml"))
NOT_FOLLOWED = ("stages.settings", "stages.running", "strata", "strata.settings.params")
COMMAND = re.compile(r"python -m (stages\.\w+)")


def main() -> str:
    """Compare every pipeline file with the imports, or with ``--write`` make it equal to them."""
    stale = [name for pipeline in PIPELINES for name in update(pipeline, Path(), write="--write" in sys.argv)]
    if stale and "--write" not in sys.argv:
        raise StrataError(f"deps differ in: {', '.join(stale)}; run `python -m stages.closure --write`")
    return f"deps rewritten in: {', '.join(stale)}" if stale else "deps equal the imports"


def update(pipeline: Path, root: Path, *, write: bool) -> list[str]:
    """The stages of a pipeline file whose deps differ from their imports; prints a line a module."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    content = yaml.load((root / pipeline).read_text(encoding="utf-8"))
    stale = []
    for name, stage in content["stages"].items():
        is_now, wanted = list(stage["deps"]), stage_deps(stage, root)
        if is_now == wanted:
            continue
        stale.append(name)
        stage["deps"][:] = wanted
        for dep in sorted(set(is_now) ^ set(wanted)):
            print(f"{pipeline}: {name}: {'missing' if dep in wanted else 'not imported'}: {dep}")
    if write and stale:
        stream = io.StringIO()
        yaml.dump(content, stream)
        write_text(root / pipeline, stream.getvalue())
    return stale


def stage_deps(stage: Any, root: Path) -> list[str]:
    """The deps a stage should have: its script, then modules (sorted), then the data as they stand there."""
    match = COMMAND.match(stage["cmd"])
    if match is None:
        raise StrataError(f"dvc.yaml: cmd {stage['cmd']!r} is not `python -m stages.NAME ...`")
    script = match[1].replace(".", "/") + ".py"
    code = sorted(path.as_posix() for path in closure(match[1], root))
    data = [dep for dep in stage["deps"] if not dep.startswith(("stages/", "strata/"))]
    return [script, *(path for path in code if path != script), *data]


def closure(module: str, root: Path) -> set[Path]:
    """Files (relative to ``root``) of ``module`` and of all it imports of this project, directly or not."""
    seen: set[str] = set()
    files: set[Path] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name in seen or name in NOT_FOLLOWED:
            continue
        seen.add(name)
        path = _module_file(name, root)
        if path is None:
            if name == module:
                raise StrataError(f"{module}: no such module")
            continue
        tree = ast.parse((root / path).read_text(encoding="utf-8"), filename=str(path))
        if path.name != "__init__.py" or _holds_code(tree):
            files.add(path)
        files.update(_other_folders(path.parent, root))
        todo += [part for found in _imports(tree) for part in _with_parents(found)]
    return files


def _module_file(name: str, root: Path) -> Path | None:
    """The file of a module or of a package of this project; None for anything else."""
    base = Path(*name.split("."))
    if base.parts[0] not in ("strata", "stages"):
        return None
    candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((path for path in candidates if (root / path).is_file()), None)


def _imports(tree: ast.Module) -> Iterator[str]:
    """Names that may be modules; ``from a import b`` may mean module ``a.b`` or something in ``a``."""
    only_types = [node for node in ast.walk(tree) if isinstance(node, ast.If) and _for_types(node.test)]
    skipped = {id(inner) for node in only_types for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _for_types(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _holds_code(tree: ast.Module) -> bool:
    """Is there more than a docstring and ``from __future__`` imports?"""
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        return True
    return False


def _other_folders(package: Path, root: Path) -> Iterator[Path]:
    """Folders of a package that hold files but no Python: its templates."""
    for entry in (root / package).iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            suffixes = {path.suffix for path in entry.rglob("*") if path.is_file()}
            if suffixes and not suffixes & {".py", ".pyc"}:
                yield package / entry.name


if __name__ == "__main__":
    try:
        print(f"closure: {main()}")
    except StrataError as error:
        sys.exit(f"closure: error: {error}")
