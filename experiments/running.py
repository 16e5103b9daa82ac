"""Run one experiment by DVC in a copy of its own, and read the metrics it left in git."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from experiments.cells import Run
from stages import settings
from strata.base.errors import StrataError
from strata.measures.scores import Score
from strata.results.flat import unflatten
from strata.settings.params import CLASS_TASK

TARGET = (
    "summarize"  # its metrics are what the table needs; `dvc exp apply NAME` and `dvc repro` give the report
)
FILES = ("retrieval", "clusters", "probe", "zeroshot")
LOGS = Path("logs/study")
STAGE_ERROR = re.compile(r"^(\w+): error: (.+)$", re.M)

Scores = dict[str, list[Score]]
"""File of metrics/ (without its suffix) -> what it says of every layer or prompt set."""


class RunFailed(Exception):
    """A run that stopped. ``stage``: where, '' if that is not known; the message: why, one line."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(f"{stage}: {reason}" if stage else reason)
        self.stage = stage


def refuse_changes() -> str:
    """The current commit; StrataError when tracked files differ from it: a run would be of neither."""
    head = _git("rev-parse", "--verify", "-q", "HEAD")
    if not head:
        raise StrataError("this is no git repository with a commit; experiments hang on one: commit first")
    changed = _git("status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        first = changed[0][2:].strip()
        raise StrataError(
            f"{len(changed)} tracked files differ from the last commit ({first}, ...); commit them first"
        )
    return head


def reference(head: str, name: str) -> str | None:
    """The git reference of the experiment ``name`` of that commit; None: it was not run yet."""
    ref = f"refs/exps/{head[:2]}/{head[2:]}/{name}"
    return ref if _git("rev-parse", "--verify", "-q", ref) else None


def run_experiment(run: Run) -> None:
    """Run it in a temporary copy of the tree; raises RunFailed. What it says goes to logs/study/NAME.log."""
    changes = [part for key, value in run.changes.items() for part in ("-S", f"{key}={override(value)}")]
    command = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "--name", run.name, *changes, TARGET]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"{run.name}.log").write_text(done.stdout, encoding="utf-8")
    if done.returncode:
        raise failure(done.stdout)


def failure(said: str) -> RunFailed:
    """Why a run stopped: the line of the stage that did, else the last line DVC said."""
    if found := STAGE_ERROR.search(said):
        return RunFailed(found[1], found[2])
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return RunFailed("", lines[-1].removeprefix("ERROR: ") if lines else "it said nothing")


def override(value: Any) -> str:
    """A value as ``-S`` reads it."""
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def read_experiment(ref: str, dataset: str) -> Scores:
    """The scores of a finished experiment, of facets only the main one's, from the files it left in git."""
    tasks = [*settings.dataset_conf(dataset).protocol.positives, CLASS_TASK]
    files = {file: _git("show", f"{ref}:metrics/{file}.json") or "{}" for file in FILES}
    return {file: unflatten(json.loads(text), tasks, facets=[]) for file, text in files.items()}


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    return done.stdout.rstrip("\n") if done.returncode == 0 else ""
