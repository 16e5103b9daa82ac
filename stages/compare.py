"""Two finished runs, query against query: ``python -m stages.compare A B [--md | --csv | --latex]``.

A and B are revisions, experiments or ``workspace``. A command, not a stage: it looks at git's history.
Nothing is checked out; what the runs found is read from DVC's cache.
"""

from __future__ import annotations

import argparse
import sys

from stages.revisions import lock_at, outputs_at, params_at
from strata.base.errors import StrataError
from strata.results.paired_runs import RunTables, compare_runs, only_in_one, read_run
from strata.results.paired_tables import NUMBERS, comparison_table, number_rows
from strata.results.plots import csv_text
from strata.results.printed_tables import as_latex, as_markdown, as_text


def main() -> str:
    arguments = _arguments()
    runs = run_at(arguments.first), run_at(arguments.second)
    rows = compare_runs(*runs)
    if arguments.csv:
        return csv_text(NUMBERS, number_rows(rows)).rstrip("\n")
    show = as_markdown if arguments.md else as_latex if arguments.latex else as_text
    return show(comparison_table(rows, arguments.first, arguments.second, only_in_one(*runs)))


def run_at(revision: str) -> RunTables:
    """The tables that the run of a revision is compared by."""
    lock = lock_at(revision)
    with outputs_at(revision, lock, "data/rankings", "data/tables") as root:
        return read_run(revision, root / "data", params_at(lock, "retrieve").get("protocol"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.compare", description="What run B gains over run A, by task and layer."
    )
    for name, title in (("first", "A"), ("second", "B")):
        parser.add_argument(name, metavar=title, help="a revision, an experiment's name, or workspace")
    kinds = parser.add_mutually_exclusive_group()
    for kind, words in (("md", "Markdown"), ("csv", "every number, unrounded"), ("latex", "for booktabs")):
        kinds.add_argument(f"--{kind}", action="store_true", help=words)
    return parser.parse_args()


if __name__ == "__main__":
    try:
        print(main())
    except StrataError as error:
        sys.exit(f"compare: error: {error}")
