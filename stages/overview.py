"""All finished runs side by side: ``python -m stages.overview [--csv | --latex]``, or ``make overview``.

The current commit and every experiment, from the metrics that git keeps: nothing is checked out or run.
Writes report/overview.html, or prints every number as CSV or tables for a paper. A command, not a stage: it
looks at git's references.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ruamel.yaml import YAML

from stages.revisions import commit_of, experiments, file_at, metrics_at
from strata.base.errors import StrataError
from strata.report.overview import write_overview
from strata.results.overview import NUMBERS, FinishedRun, number_rows, overviews, printed
from strata.results.plots import csv_text
from strata.results.printed_tables import as_latex

PAGE = Path("report/overview.html")
HEAD = "HEAD"


def main() -> str:
    arguments = _arguments()
    runs = [run for name, commit in [(HEAD, commit_of(HEAD)), *experiments()] if (run := _read(name, commit))]
    tables = overviews(runs)
    if not tables:
        raise StrataError(
            "no finished run here: neither HEAD nor an experiment has metrics; run `dvc exp run`"
        )
    if arguments.csv:
        return csv_text(NUMBERS, number_rows(tables)).rstrip("\n")
    if arguments.latex:
        return "\n\n".join(as_latex(printed(table)) for table in tables)
    write_overview(PAGE, tables, len(runs))
    return f"overview: {len(runs)} runs, {len(tables)} tables, open {PAGE}"


def _read(name: str, commit: str) -> FinishedRun | None:
    """A run from what git keeps of it; None where it has no metrics."""
    metrics = {Path(file).stem: found for file, found in metrics_at(commit).items()}
    params = file_at(commit, "params.yaml")
    if not metrics or params is None:
        return None
    told = YAML(typ="safe", pure=True).load(params)
    return FinishedRun(name, commit, told, metrics, experiment=name != HEAD)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.overview", description="Put all finished experiments side by side."
    )
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--csv", action="store_true", help="print every number")
    kinds.add_argument("--latex", action="store_true", help="print tables for booktabs")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        print(main())
    except StrataError as error:
        sys.exit(f"overview: error: {error}")
