"""Is ``dvc.lock`` the record of this code, these parameters and data? ``python -m stages.freshness``.

Run it before any ``dvc repro``, which would bring the lock up to date. It asks DVC which stages it would run
and wants the positive answer that everything is up to date: exit codes alone, and ``dvc status``, lie.

After a repro the lock may differ from the last commit's; then it says in what. Hashes of results alone differ
where another type of processor computed them: data/computed.json, in git beside the lock, says what did, here
and at the commit. The metrics of the two are the gate's to compare.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from strata.base.errors import StrataError
from strata.base.files import read_json
from strata.base.machine import told_apart

LOCK, COMPUTED = Path("dvc.lock"), Path("data/computed.json")
UP_TO_DATE = "Data and pipelines are up to date."
Lock = dict[str, Any]
STAGE = re.compile(r"(?:Running stage|failed to reproduce) '([^']+)'")


def main() -> str:
    """One dry run; StrataError names the stages whose record is out of date."""
    if not LOCK.is_file():
        raise StrataError("there is no dvc.lock; run `dvc repro` and commit dvc.lock and metrics/")
    dvc = Path(sys.executable).with_name("dvc")
    command = [str(dvc), "repro", "--dry", "--allow-missing"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise StrataError(f"{dvc}: no DVC beside this Python; run `make test`, which installs it") from None
    if done.returncode == 0 and UP_TO_DATE in done.stdout:
        return "; ".join(["dvc.lock is up to date", *since_commit()])
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    said = " ".join(" ".join(errors or [done.stderr]).split())
    because = f" ({said})" if said else ""
    stages = dict.fromkeys(STAGE.findall(done.stdout + done.stderr))
    if not stages:
        raise StrataError(f"DVC cannot tell whether dvc.lock is up to date{because}")
    raise StrataError(
        f"dvc.lock is out of date at {', '.join(stages)}; run `dvc repro` and commit it{because}"
    )


def since_commit() -> list[str]:
    """In what dvc.lock differs from HEAD's, in a sentence; nothing where it does not or there is none."""
    committed, now = _at_head(LOCK), LOCK.read_text(encoding="utf-8")
    if committed in ("", now):
        return []
    yaml = YAML(typ="safe", pure=True)
    found = differences(yaml.load(committed), yaml.load(now))
    if found.asked:
        return [f"it differs from HEAD's in code, parameters or data of {', '.join(found.asked)}"]
    if not found.results:
        return []
    said = f"{found.results} hashes differ from HEAD's, from {', '.join(found.first)} on, in results alone"
    before = json.loads(_at_head(COMPUTED) or "{}")
    old, new = told_apart(before, read_json(COMPUTED) if COMPUTED.is_file() else {})
    how = f"computed with {new}, HEAD's with {old}" if old else "computed alike: something else decided them"
    return [f"{said} ({how}); `python -m stages.gate --against HEAD` compares the metrics"]


class Differences(NamedTuple):
    """Between two locks. ``asked``: stages whose code, command, parameters or data from outside differ;
    ``results``: how many hashes of results differ otherwise; ``first``: the stages that begin with it."""

    asked: list[str]
    results: int
    first: list[str]


def differences(old: Lock, new: Lock) -> Differences:
    """Compare what two dvc.lock files record of every stage."""
    before, after = old.get("stages", {}), new.get("stages", {})
    made = {Path(out["path"]) for stage in after.values() for out in stage.get("outs", [])}
    asked, first, results = [], [], 0
    for name in sorted({*before, *after}):
        one, other = before.get(name, {}), after.get(name, {})
        deps, outs = (_changed(one.get(part, []), other.get(part, [])) for part in ("deps", "outs"))
        inner = [dep for dep in deps if made & {Path(dep), *Path(dep).parents}]
        told = any(one.get(part) != other.get(part) for part in ("cmd", "params"))
        if told or len(inner) < len(deps):
            asked.append(name)
        results += len(inner) + len(outs)
        if outs and not inner:
            first.append(name)
    return Differences(asked, results, first)


def _changed(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[str]:
    """The paths whose entries differ, or that only one has."""
    before, after = ({entry["path"]: entry for entry in entries} for entries in (one, other))
    return [path for path in {**before, **after} if before.get(path) != after.get(path)]


def _at_head(path: Path) -> str:
    """The file as last committed; empty where it was not."""
    command = ["git", "show", f"HEAD:./{path.as_posix()}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git
        return ""
    return done.stdout if done.returncode == 0 else ""


if __name__ == "__main__":
    try:
        print(f"freshness: {main()}")
    except StrataError as error:
        sys.exit(f"freshness: error: {error}")
