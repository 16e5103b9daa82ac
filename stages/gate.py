"""Fail when a metric got worse than at another revision: ``python -m stages.gate [--against REV] [--md]``.

A command, not a stage: what a comparison with git's history finds must not be cached.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.revisions import METRICS, WORKSPACE, commit_of, git, history_hint, metrics_at
from stages.settings import read_yaml
from strata.base.errors import StrataError
from strata.base.files import read_json
from strata.results.gate import Failure, GateConf, compare, data_sets, is_accepted
from strata.settings.params import parse

CONF = Path("conf/gate.yaml")
MAIN_BRANCHES = ("origin/main", "main", "origin/master", "master")
COLUMNS = ("result", "file", "layer", "metric", "old", "new", "allowed")


def main() -> str:
    """Compare, print one line a failure; the summary counts what was compared."""
    arguments = _arguments()
    conf = parse(GateConf, read_yaml(CONF), str(CONF))
    base = commit_of(arguments.against) if arguments.against else _merge_base()
    old = metrics_at(base)
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
    failed = [failure for failure in result.failures if failure not in accepted]
    by_chance = _by_chance(failed, old, new, base) if conf.paired and failed else {}
    refused = [failure for failure in failed if failure not in by_chance]
    shown = {"failed": refused, "accepted": accepted, "not told apart": list(by_chance.values())}
    _show(shown, result.added, as_markdown=arguments.md)
    if refused:
        raise StrataError(
            f"{len(refused)} failed against {base[:12]} ({result.compared} values compared); mend the cause, "
            f"or declare a deliberate change under `accepted` in {CONF}"
        )
    also = f", {len(by_chance)} not told apart" if by_chance else ""
    return f"{result.compared} values compared with {base[:12]}, none failed, {len(accepted)} accepted{also}"


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


def _by_chance(
    failed: Sequence[Failure], old: Mapping[str, Any], new: Mapping[str, Any], base: str
) -> dict[Failure, Failure]:
    """The drops of mAP that the queries of both runs do not bear out, each with its interval.

    Only a gate that fails and asks for it loads what reads the runs.
    """
    from stages.compare import run_at
    from strata.results.paired_gate import place_of, second_opinion
    from strata.results.paired_runs import unlike

    found = {}
    try:
        first, second = run_at(base), run_at(WORKSPACE)
        if reasons := unlike(first, second):
            raise StrataError(f"the runs were asked different things: {'; '.join(reasons)}")
        for it in failed:
            before, after = old.get(it.file, {}), new.get(it.file, {})
            place = place_of(it, before, after, first.tasks)
            if place and (reach := second_opinion(place, first, second)):
                said = f"{it.allowed}; query by query {reach.low:+.3f} to {reach.high:+.3f}"
                found[it] = replace(it, allowed=said)
    except StrataError as error:
        print(f"paired: tolerance alone decides: {error}")
        return {}
    return found


def _show(shown: Mapping[str, Sequence[Failure]], added: tuple[str, ...], *, as_markdown: bool) -> None:
    rows = [(title, failure) for title, some in shown.items() for failure in some]
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
        (name for name in MAIN_BRANCHES if git("rev-parse", "-q", "--verify", name).returncode == 0), "HEAD"
    )
    found = git("merge-base", "HEAD", main)
    if found.returncode:
        raise StrataError(
            f"HEAD and {main} have no common commit here; {history_hint()}, or name one with --against REV"
        )
    return found.stdout.strip()


if __name__ == "__main__":
    try:
        print(f"gate: {main()}")
    except StrataError as error:
        sys.exit(f"gate: error: {error}")
