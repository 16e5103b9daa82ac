"""Queries and relevance of a folder, from CSV files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError
from strata.collection.tables import BOX, GRADES
from strata.datasets.csv_rows import Row, name_finder, read_rows


def read_queries(path: Path, shown: str, files: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of ``queries`` from the columns query_id, file and, if there, x0, y0, x1, y1, group.

    An empty box is the whole picture; an empty group makes the query its own group.
    """
    find = name_finder(files)
    return [
        {
            "query_id": row.cells["query_id"],
            "image_id": _picture(row, find(row.cells["file"])),
            "group": row.cells.get("group") or row.cells["query_id"],
            **_box(row),
        }
        for row in read_rows(path, shown, ["query_id", "file"])
    ]


def read_relevance(
    path: Path, shown: str, files: Sequence[str], queries: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of ``relevance`` from the columns query_id, file, grade and, if there, x0, y0, x1, y1."""
    find = name_finder(files)
    known = {query["query_id"] for query in queries}
    rows: list[dict[str, Any]] = []
    for row in read_rows(path, shown, ["query_id", "file", "grade"]):
        query_id, grade = row.cells["query_id"], row.cells["grade"].strip()
        if query_id not in known:
            raise StrataError(f"{row.where}: query_id {query_id!r} is not in the queries CSV")
        if grade not in GRADES:
            raise StrataError(f"{row.where}: grade {grade!r} is not one of {', '.join(GRADES)}")
        picture = _picture(row, find(row.cells["file"]))
        rows.append({"query_id": query_id, "image_id": picture, "grade": grade, **_box(row)})
    return rows


def _picture(row: Row, found: str | None) -> str:
    if found is None:
        raise StrataError(
            f"{row.where}: there is no picture {row.cells['file']!r}; column file holds paths relative to "
            "the pictures' folder"
        )
    return found


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
