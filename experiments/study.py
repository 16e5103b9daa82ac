"""Run the study's cells and write one table: ``python -m experiments.study [--data demo] [--only 'II*']``.

Each run is an experiment of DVC with a fixed name, made in a temporary copy: this folder stays as it is. A
run of the current commit that is there already is read, not made again: a study that was cut off goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path

from experiments.cells import DEMO, Run, check_run, plan, read_study
from experiments.running import (
    RunFailed,
    Scores,
    read_experiment,
    reference,
    refuse_changes,
    run_experiment,
)
from experiments.table import study_table
from strata.base.errors import StrataError
from strata.base.files import write_text

TABLE = Path("report/study.md")


def main() -> str:
    """Check every run, make those that are missing, write the table. StrataError if none could be made."""
    arguments = _arguments()
    demo = arguments.data == DEMO
    study = read_study()
    cells = [cell for cell in study.cells if fnmatchcase(cell.name, arguments.only)]
    if not cells:
        known = ", ".join(cell.name for cell in study.cells)
        raise StrataError(f"--only {arguments.only!r} fits no cell; there are: {known}")
    places, runs = plan(study, cells, demo=demo)
    for run in runs:
        check_run(run)
    results, failures = run_all(runs, refuse_changes())
    table = TABLE.with_stem(f"study-{DEMO}") if demo else TABLE
    table.parent.mkdir(exist_ok=True)
    write_text(table, study_table(places, results, failures, demo=demo))
    if not results:
        reason = next(iter(failures.values()))
        raise StrataError(f"none of {len(runs)} runs could be made; the first: {reason} ({table} lists all)")
    return f"{len(results)} of {len(runs)} runs of {len(cells)} cells, table in {table}"


def run_all(runs: list[Run], head: str) -> tuple[dict[str, Scores], dict[str, str]]:
    """Scores, or the reason why there are none, by run. Data that could not be had are asked for once."""
    results: dict[str, Scores] = {}
    failures: dict[str, str] = {}
    missing: dict[str, str] = {}
    for number, run in enumerate(runs, 1):
        started, dataset = time.perf_counter(), run.changes["dataset"]
        try:
            if dataset in missing:
                raise RunFailed("", missing[dataset])
            if not (ref := reference(head, run.name)):
                run_experiment(run)
                ref = reference(head, run.name)
            if ref is None:
                raise RunFailed("", "DVC kept no experiment of this name; see logs/study")
            results[run.name] = read_experiment(ref, dataset)
            said = f"{time.perf_counter() - started:.0f} s"
        except RunFailed as error:
            failures[run.name] = said = str(error)
            if error.stage == "download":
                missing[dataset] = said
        print(f"study: {number} of {len(runs)}, {run.name}: {said}", file=sys.stderr, flush=True)
    return results, failures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.study", description="Run the study's cells and write one table."
    )
    parser.add_argument("--data", choices=[DEMO], help="stand-in data and models; default: the study's own")
    parser.add_argument("--only", metavar="PATTERN", default="*", help="cells by name, such as 'II*'")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        print(f"study: {main()}")
    except StrataError as error:
        sys.exit(f"study: error: {' '.join(str(error).split())}")
