"""Fail when a metric got worse than at another revision: ``python -m stages.gate [--against REV] [--md]``.

A command, not a stage: what a comparison with git's history finds must not be cached.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from stages.settings import read_yaml
from strata.base.errors import StrataError
from strata.base.files import read_json
from strata.results.gate import Failure, GateConf, compare, data_sets, is_accepted
from strata.settings.params import parse

METRICS = Path("metrics")
CONF = Path("conf/gate.yaml")
MAIN_BRANCHES = ("origin/main", "main", "origin/master", "master")
COLUMNS = ("result", "file", "layer", "metric", "old", "new", "allowed")


def main() -> str:
    """Compare, print one line a failure; the summary counts what was compared."""
    arguments = _arguments()
    conf = parse(GateConf, read_yaml(CONF), str(CONF))
    base = _commit(arguments.against) if arguments.against else _merge_base()
    old = _metrics_at(base)
    if not old:
        if arguments.allow_missing_base:
            return f"nothing to compare with: {base[:12]} has no {METRICS}/*.json"
        raise StrataError(
            f"nothing to compare with: {base[:12]} has no {METRICS}/*.json; choose another --against REV"
        )
    new = {str(path): read_json(path) for path in sorted(METRICS.glob("*.json"))}
    theirs, ours = (", ".join(sorted(data_sets(metrics))) for metrics in (old, new))
    if theirs and ours and theirs != ours:
        raise StrataError(
            f"nothing to compare: {METRICS} is of the data set {ours}, {base[:12]} of {theirs}; "
            "set `dataset` in params.yaml back and `dvc repro`, or choose another --against REV"
        )
    result = compare(old, new, conf.rules)
    accepted = [failure for failure in result.failures if is_accepted(failure, conf.accepted, base)]
    refused = [failure for failure in result.failures if failure not in accepted]
    _show(refused, accepted, result.added, as_markdown=arguments.md)
    if refused:
        raise StrataError(
            f"{len(refused)} failed against {base[:12]} ({result.compared} values compared); mend the cause, "
            f"or declare a deliberate change under `accepted` in {CONF}"
        )
    return f"{result.compared} values compared with {base[:12]}, none failed, {len(accepted)} accepted"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.gate", description="Compare metrics/ with another revision."
    )
    parser.add_argument(
        "--against", metavar="REV", help="default: the merge base of HEAD and the main branch"
    )
    parser.add_argument("--md", action="store_true", help="print failures as a Markdown table")
    parser.add_argument(
        "--allow-missing-base", action="store_true", help="no metrics at REV: say so and succeed"
    )
    return parser.parse_args()


def _show(
    refused: list[Failure], accepted: list[Failure], added: tuple[str, ...], *, as_markdown: bool
) -> None:
    rows = [
        (title, failure) for title, some in (("failed", refused), ("accepted", accepted)) for failure in some
    ]
    if as_markdown and rows:
        print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for title, it in rows:
        if as_markdown:
            cells = (title, it.file, it.layer, it.metric, it.old, it.new, it.allowed)
            print(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
        else:
            print(f"{title}: {it.name}: old {it.old}, new {it.new}, {it.allowed}")
    if added and not as_markdown:
        print(f"new, not compared: {len(added)} ({', '.join(added[:5])}{', ...' if len(added) > 5 else ''})")


def _merge_base() -> str:
    """Where HEAD left the main branch; HEAD itself on that branch, or where no main branch is known."""
    main = next(
        (name for name in MAIN_BRANCHES if _git("rev-parse", "-q", "--verify", name).returncode == 0), "HEAD"
    )
    found = _git("merge-base", "HEAD", main)
    if found.returncode:
        raise StrataError(
            f"HEAD and {main} have no common commit here; {_hint()}, or name one with --against REV"
        )
    return found.stdout.strip()


def _commit(revision: str) -> str:
    found = _git("rev-parse", "-q", "--verify", f"{revision}^{{commit}}")
    if found.returncode:
        raise StrataError(f"--against {revision}: no such revision here; {_hint()}")
    return found.stdout.strip()


def _hint() -> str:
    shallow = _git("rev-parse", "--is-shallow-repository").stdout.strip() == "true"
    return (
        "this clone is shallow: run `git fetch --unshallow`" if shallow else "run `git fetch` for its history"
    )


def _metrics_at(base: str) -> dict[str, Any]:
    """The metric files of a commit, as they stand there."""
    names = _git("ls-tree", "-z", "--name-only", base, f"{METRICS}/").stdout.split("\0")
    files = sorted(name for name in names if name.endswith(".json"))
    try:
        return {name: json.loads(_git("show", f"{base}:./{name}").stdout) for name in files}
    except json.JSONDecodeError as error:
        raise StrataError(
            f"a metric file at {base[:12]} is not JSON ({error}); choose another --against REV"
        ) from None


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    try:
        print(f"gate: {main()}")
    except StrataError as error:
        sys.exit(f"gate: error: {error}")
