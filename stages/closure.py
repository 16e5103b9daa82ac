"""Keep the deps and params of dvc.yaml equal to what the stages import and read: ``make deps``.

A stage depends on its script and on every ``strata`` module the script imports, directly or not (read from
the syntax tree: imports inside functions count, and strings that name a module, as in the table of data
sets); on a package's ``__init__.py`` only where that holds code, and on a package's folders of other files
(templates). Not followed are ``strata`` itself (the library's names, for people and for no stage),
``stages.running`` (messages, which are in no out), ``stages.settings`` and ``strata.settings.params``: they
carry parameters, which DVC tracks by their values. That is safe as long as the classes compute nothing and a
key that may be left out means "none" (tests/settings/test_params.py holds them to it). ``check`` alone, which
judges values by these classes, depends on them.

A stage's params are the keys it names when it reads them (see ``stages.settings``).
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from ruamel.yaml import YAML

from strata.base.errors import StrataError
from strata.base.files import write_text

PIPELINES = (Path("dvc.yaml"), Path("watch/dvc.yaml"))
PARAMETERS, JUDGES = "strata.settings.params", "strata.settings.consistency"
NOT_FOLLOWED = ("stages.settings", "stages.running", "strata")
READERS = {
    "params": "params.yaml",
    "dataset": "conf/datasets/${dataset}.yaml",
    "model": "conf/models/${model}.yaml",
}
TYPED = {"own_path": ["path"], "own_words": ["words", "templates"]}
"""Reader -> the keys of conf/paths/NAME.yaml that it reads."""
FOLDERS = {"dataset_conf": "conf/datasets", "model_conf": "conf/models", **dict.fromkeys(TYPED, "conf/paths")}
COMMAND = re.compile(r"python -m (stages\.\w+)")
NAMED = re.compile(r"(strata(?:\.\w+)+)(?::\w+)?")


def main() -> str:
    """Compare every pipeline file with the stages' code, or with ``--write`` make it equal to it."""
    stale = [name for pipeline in PIPELINES for name in update(pipeline, Path(), write="--write" in sys.argv)]
    if stale and "--write" not in sys.argv:
        raise StrataError(f"deps or params differ in: {', '.join(stale)}; run `make deps`")
    return f"rewritten: {', '.join(stale)}" if stale else "deps and params equal what the stages read"


def update(pipeline: Path, root: Path, *, write: bool) -> list[str]:
    """The stages of a pipeline file that say something else than their code; prints a line a difference."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    content = yaml.load((root / pipeline).read_text(encoding="utf-8"))
    stale = []
    for name, stage in content["stages"].items():
        for part, wanted in (("deps", stage_deps(stage, root)), ("params", stage_params(stage, root))):
            is_now = stage.get(part, [])
            if is_now == wanted:
                continue
            stale.append(name)
            before, after = _flat(is_now), _flat(wanted)
            for entry in sorted(before ^ after):
                print(f"{pipeline}: {name}: {part}: {'missing' if entry in after else 'not read'}: {entry}")
            if part in stage:
                stage[part][:] = wanted
            else:
                stage.insert(list(stage).index("deps") + 1, part, wanted)
    if write and stale:
        stream = io.StringIO()
        yaml.dump(content, stream)
        write_text(root / pipeline, stream.getvalue())
    return list(dict.fromkeys(stale))


def stage_deps(stage: Any, root: Path) -> list[str]:
    """The deps a stage should have: its script, then modules (sorted), then the data as they stand there."""
    module = _module(stage)
    script = module.replace(".", "/") + ".py"
    code = sorted(path.as_posix() for path in closure(module, root))
    return [script, *(path for path in code if path != script), *_data(stage)]


def stage_params(stage: Any, root: Path) -> list[Any]:
    """The params a stage should have: the keys it names where it reads them, file by file, as they come.

    A stage that always runs (those of watch/) has what stands there: nothing hangs on it.
    """
    if stage.get("always_changed"):
        return list(stage.get("params", []))
    keys: dict[str, list[str] | None] = {file: [] for file in READERS.values()}  # None: the whole file
    for path in closure(_module(stage), root):
        if path.parts[0] == "stages":
            for file, names in _keys_read(root / path, _data(stage)):
                known = keys.get(file, [])
                keys[file] = None if known is None or not names else list(dict.fromkeys([*known, *names]))
    own = keys.pop(READERS["params"])
    listed: list[Any] = [{READERS["params"]: None}] if own is None else list(own)
    return listed + [{file: names} for file, names in keys.items() if names != []]


def _keys_read(path: Path, data: list[str]) -> Iterator[tuple[str, list[str]]]:
    """(file, keys) of every call of ``stages.settings`` in a script; no keys: all of the file.

    StrataError for a call whose keys cannot be told, or that reads files the stage does not depend on.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.ImportFrom) and node.module == "stages.settings":
            raise StrataError(
                f"{path}, line {node.lineno}: write `from stages import settings`: make deps looks for it"
            )
        if not (isinstance(node, ast.Call) and _is_of_settings(node.func)):
            continue
        reader, where = node.func.attr, f"{path}, line {node.lineno}: settings.{node.func.attr}"
        if FOLDERS.get(reader) in data:
            continue
        names = [
            key.value for key in node.args if isinstance(key, ast.Constant) and isinstance(key.value, str)
        ]
        if len(names) < len(node.args) or node.keywords:
            raise StrataError(f"{where}: name the keys by literal strings, so that dvc.yaml can list them")
        if reader in READERS:
            yield READERS[reader], names
        elif reader in TYPED:
            yield f"{FOLDERS[reader]}/{names[0]}.yaml", TYPED[reader]
        else:
            raise StrataError(
                f"{where} reads what this stage does not depend on; use params, dataset or model"
            )


def _is_of_settings(function: ast.expr) -> TypeGuard[ast.Attribute]:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "settings"
    )


def _flat(entries: Any) -> set[str]:
    """Deps or params as they are told: ``file: key`` for those of a file."""
    return {
        f"{file}: {key}" if key else file
        for entry in entries
        for file, keys in (entry.items() if isinstance(entry, dict) else [(entry, None)])
        for key in keys or [""]
    }


def _module(stage: Any) -> str:
    match = COMMAND.match(stage["cmd"])
    if match is None:
        raise StrataError(f"dvc.yaml: cmd {stage['cmd']!r} is not `python -m stages.NAME ...`")
    return match[1]


def _data(stage: Any) -> list[str]:
    return [dep for dep in stage["deps"] if not dep.startswith(("stages/", "strata/"))]


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
        found = (part for one in _imports(tree) for part in _with_parents(one))
        todo += [part for part in found if part != PARAMETERS or name == JUDGES]
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
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named = NAMED.fullmatch(node.value)
            if named:
                yield named[1]


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
