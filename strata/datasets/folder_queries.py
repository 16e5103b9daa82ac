"""Queries and relevance of a folder: from CSV files, or from the labels of pictures that only query."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError
from strata.base.track import Warn
from strata.collection.tables import BOX, GRADES, QUERY_SPLIT
from strata.datasets.csv_rows import Row, read_rows, rows_of_pictures
from strata.datasets.folder_labels import Label, Told


def read_queries(
    path: Path, shown: str, files: Sequence[str], warn: Warn
) -> tuple[list[dict[str, Any]], set[str]]:
    """Rows of ``queries`` from the columns query_id, file and, if there, x0, y0, x1, y1, group.

    An empty box is the whole picture; an empty group makes the query its own group. A query whose picture is
    not there is left out with a warning; their ids are the second result.
    """
    rows = read_rows(path, shown, ["query_id", "file"])
    queries = [
        {
            "query_id": row.cells["query_id"].strip(),
            "image_id": file,
            "group": row.cells.get("group", "").strip() or row.cells["query_id"].strip(),
            **_box(row),
        }
        for row, file in rows_of_pictures(rows, "file", files, warn)
    ]
    left_out = {row.cells["query_id"].strip() for row in rows} - {query["query_id"] for query in queries}
    return queries, left_out


def queries_by_label(told: Told, facets: Sequence[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Queries and relevance of the pictures in the split ``query``: what shares a label is to be found.

    Labels of the first of ``facets`` count. A query's group is its label (its labels, where it has several),
    so that intervals speak of other labels; a picture without one is no query.
    """
    asking = {file for file, split in told.splits.items() if split == QUERY_SPLIT}
    main = {file: [label for label in own if label[0] in facets[:1]] for file, own in told.labels.items()}
    members: dict[Label, list[str]] = defaultdict(list)
    for file, own in main.items():
        for label in own if file not in asking else ():
            members[label].append(file)
    queries, relevance = [], []
    for file in sorted(asking):
        if own := main[file]:
            group = "; ".join(label for _, label in own)
            queries.append({"query_id": file, "image_id": file, "group": group, **dict.fromkeys(BOX)})
            found = dict.fromkeys(other for label in own for other in members[label])
            relevance += [{"query_id": file, "image_id": other, "grade": "good"} for other in found]
    return queries, relevance


def read_relevance(
    path: Path,
    shown: str,
    files: Sequence[str],
    queries: Sequence[dict[str, Any]],
    left_out: Collection[str],
    warn: Warn,
) -> list[dict[str, Any]]:
    """Rows of ``relevance`` from the columns query_id, file, grade and, if there, x0, y0, x1, y1.

    ``left_out``: ids of queries without a picture, whose rows count for nothing. A row whose own picture is
    not there is left out with a warning.
    """
    known = {query["query_id"] for query in queries}
    rows = read_rows(path, shown, ["query_id", "file", "grade"])
    for row in rows:
        if (query_id := row.cells["query_id"].strip()) not in known and query_id not in left_out:
            raise StrataError(f"{row.where}: query_id {query_id!r} is not in the queries CSV")
    judging = [row for row in rows if row.cells["query_id"].strip() in known]
    return [
        {"query_id": row.cells["query_id"].strip(), "image_id": file, "grade": _grade(row), **_box(row)}
        for row, file in rows_of_pictures(judging, "file", files, warn)
    ]


def _grade(row: Row) -> str:
    grade = row.cells["grade"].strip()
    if grade not in GRADES:
        raise StrataError(f"{row.where}: grade {grade!r} is not one of {', '.join(GRADES)}")
    return grade


def _box(row: Row) -> dict[str, float | None]:
    """x0, y0, x1, y1 in pixels, or all None. Whether they fit the picture is the tables' own check."""
    cells = [row.cells.get(side, "").strip() for side in BOX]
    if not any(cells):
        return dict.fromkeys(BOX)
    try:
        box = [float(cell) for cell in cells]
    except ValueError:
        box = [math.nan]
    if not all(map(math.isfinite, box)):
        raise StrataError(
            f"{row.where}: x0, y0, x1, y1 = {', '.join(cells)}: four numbers or nothing, in pixels"
        )
    return dict(zip(BOX, box, strict=True))
