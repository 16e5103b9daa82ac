"""Finished runs at other revisions, from git and DVC's cache, without checking anything out.

A revision is a commit, a branch, a tag, the name of an experiment, or ``workspace``: what dvc.lock records
here and now.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from strata.base.errors import StrataError

WORKSPACE = "workspace"
METRICS = Path("metrics")
EXPERIMENT = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/(\S+) (\w+)")
"""An experiment's reference (made on which commit, its name), then its own commit."""


def commit_of(revision: str) -> str:
    """The commit id of a revision or experiment; StrataError for none or several."""
    found = git("rev-parse", "-q", "--verify", f"{revision}^{{commit}}")
    if found.returncode == 0:
        return found.stdout.strip()
    named = [commit for name, commit in experiments() if name == revision]
    if len(named) > 1:
        raise StrataError(
            f"{revision}: {len(named)} experiments are called that; name one by its commit: "
            f"{', '.join(commit[:7] for commit in named)}"
        )
    if not named:
        raise StrataError(f"{revision}: no such revision or experiment here; {history_hint()}")
    return named[0]


def experiments() -> list[tuple[str, str]]:
    """Name and commit of every finished experiment, the oldest first."""
    form = "--format=%(refname) %(objectname)"
    listed = git("for-each-ref", "--sort=committerdate", form, "refs/exps").stdout
    return [(found[1], found[2]) for found in EXPERIMENT.finditer(listed)]


def history_hint() -> str:
    """What to do where a revision is not known."""
    shallow = git("rev-parse", "--is-shallow-repository").stdout.strip() == "true"
    return (
        "this clone is shallow: run `git fetch --unshallow`" if shallow else "run `git fetch` for its history"
    )


def file_at(revision: str, path: str) -> str | None:
    """A file's text as committed (``workspace``: as it lies here); None where there is none."""
    if revision == WORKSPACE:
        return Path(path).read_text(encoding="utf-8") if Path(path).is_file() else None
    found = git("show", f"{commit_of(revision)}:./{path}")
    return found.stdout if found.returncode == 0 else None


def lock_at(revision: str) -> dict[str, Any]:
    """dvc.lock of a revision: stage -> what it records."""
    text = file_at(revision, "dvc.lock")
    if text is None:
        raise StrataError(f"{revision}: it has no dvc.lock; choose a revision with a finished run")
    stages: dict[str, Any] = YAML(typ="safe", pure=True).load(text).get("stages", {})
    return stages


def params_at(lock: dict[str, Any], stage: str) -> dict[str, Any]:
    """All parameters that a stage was told, whichever files they stand in."""
    files = lock.get(stage, {}).get("params", {})
    return {key: value for values in files.values() for key, value in values.items()}


def metrics_at(base: str) -> dict[str, Any]:
    """The metric files of a commit, as they stand there."""
    names = git("ls-tree", "-z", "--name-only", base, f"{METRICS}/").stdout.split("\0")
    files = sorted(name for name in names if name.endswith(".json"))
    try:
        return {name: json.loads(git("show", f"{base}:./{name}").stdout) for name in files}
    except json.JSONDecodeError as error:
        raise StrataError(
            f"a metric file at {base[:12]} is not JSON ({error}); choose another revision"
        ) from None


@contextmanager
def outputs_at(revision: str, lock: dict[str, Any], *folders: str) -> Iterator[Path]:
    """A temporary folder with links to some outputs of a revision, under their own paths.

    StrataError where DVC's cache does not have all of their files.
    """
    outs = {out["path"]: out for stage in lock.values() for out in stage.get("outs", [])}
    with tempfile.TemporaryDirectory(prefix="strata-") as made:
        for folder in folders:
            if folder not in outs:
                raise StrataError(f"{revision}: its dvc.lock has no {folder}; choose a finished run")
            listing = json.loads(_object(revision, folder, outs[folder]["md5"]).read_text(encoding="utf-8"))
            for entry in listing:
                place = Path(made) / folder / entry["relpath"]
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(_object(revision, folder, entry["md5"]))
        yield Path(made)


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git here; the caller judges how it went."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


def _object(revision: str, folder: str, md5: str) -> Path:
    path = _cache_folder() / "files" / "md5" / md5[:2] / md5[2:]
    if not path.is_file():
        first = "" if revision == WORKSPACE else f"git checkout {commit_of(revision)[:12]} && "
        raise StrataError(
            f"{revision}: {folder} is not in DVC's cache; run `{first}dvc pull` if it was pushed, else "
            f"`{first}dvc repro`"
        )
    return path


@cache
def _cache_folder() -> Path:
    """Where DVC's cache is; people share one, so DVC is asked."""
    command = [str(Path(sys.executable).with_name("dvc")), "cache", "dir"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise StrataError(
            f"{command[0]}: no DVC beside this Python; run `make test`, which installs it"
        ) from None
    if found.returncode:
        raise StrataError(f"DVC names no cache: {' '.join(found.stderr.split())}")
    return Path(found.stdout.strip())
