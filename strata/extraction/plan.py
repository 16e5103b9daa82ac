"""What has to be encoded: which rows there will be, and which views of which pictures give them.

A row asks for an item; a job is one view put through the network, and gives one item or several: the whole
picture, and inside the same map every box of a ``roi`` query. Equal pictures (by SHA-256) share a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from strata.errors import StrataError
from strata.features import ROWS_SCHEMA
from strata.geometry import Box
from strata.params import QueryView
from strata.tables import QUERY_SPLIT, USABLE, Tables

CORNERS = ("x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class Item:
    """What a row needs. ``key`` names it in the store; ``roi`` limits it to a box of the picture's map."""

    key: str
    roi: Box | None


@dataclass(frozen=True)
class Job:
    """One view of one picture. ``box``: a crop; ``same_scale``: the crop keeps the picture's scale."""

    path: str
    sha256: str
    width: int
    height: int
    box: Box | None
    same_scale: bool
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Row:
    """A row to be, of ``kind`` image, outside or query (``strata.features``). ``sha256`` is its picture's."""

    kind: str
    image_id: str
    query_id: str | None
    sha256: str
    item: str


@dataclass(frozen=True)
class Plan:
    """``rows`` in the order of ``rows.parquet``; ``jobs`` in the order they are worked on."""

    rows: tuple[Row, ...]
    jobs: tuple[Job, ...]


def plan_extraction(tables: Tables, query_view: QueryView) -> Plan:
    """Plan the usable pictures and, unless ``query_view`` is ``whole``, the boxed queries on them.

    Jobs follow their picture's place in the order of image ids, so files are read in the order of their
    names. Raises StrataError when no picture is usable.
    """
    images = {row["image_id"]: row for row in _sorted(tables.images, "image_id") if row["status"] == USABLE}
    if not images:
        raise StrataError(
            "images.parquet: no picture is usable; column status says why for each, mend the files"
        )
    rows = [
        Row(_kind(row), name, None, row["sha256"], f"{row['sha256']}:image") for name, row in images.items()
    ]
    boxed: dict[str, list[tuple[str, Box]]] = {}
    if query_view != "whole":
        for query in _boxed(tables.queries):
            if query["image_id"] in images:
                image, box = images[query["image_id"]], _box(query)
                key = f"{image['sha256']}:{query_view}:{','.join(map(repr, box))}"
                rows.append(Row("query", query["image_id"], query["query_id"], image["sha256"], key))
                boxed.setdefault(image["sha256"], []).append((key, box))
    return Plan(tuple(rows), tuple(_jobs(images.values(), boxed, query_view)))


def rows_table(rows: Iterable[Row]) -> pa.Table:
    """``rows.parquet`` of these rows, numbered as they come."""
    content = [
        {
            "row": place,
            "kind": row.kind,
            "image_id": row.image_id,
            "query_id": row.query_id,
        }
        for place, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(content, schema=ROWS_SCHEMA)


def _kind(image: dict[str, Any]) -> str:
    return "outside" if image["split"] == QUERY_SPLIT else "image"


def _jobs(
    images: Iterable[dict[str, Any]],
    boxed: dict[str, list[tuple[str, Box]]],
    view: QueryView,
) -> Iterator[Job]:
    done: set[str] = set()
    for image in images:
        sha256 = image["sha256"]
        if sha256 in done:
            continue
        done.add(sha256)
        boxes = sorted(dict(boxed.get(sha256, ())).items())
        regions = tuple(Item(key, box) for key, box in boxes) if view == "roi" else ()
        picture = (image["path"], sha256, image["width"], image["height"])
        yield Job(*picture, None, False, (Item(f"{sha256}:image", None), *regions))
        if view != "roi":
            for key, box in boxes:
                yield Job(*picture, box, view == "crop_same_scale", (Item(key, None),))


def _sorted(table: pa.Table, column: str) -> Iterator[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.sort_by(column).to_pylist()
    return iter(rows)


def _boxed(queries: pa.Table) -> Iterator[dict[str, Any]]:
    return (row for row in _sorted(queries, "query_id") if row["x0"] is not None)


def _box(row: dict[str, Any]) -> Box:
    x0, y0, x1, y1 = (float(row[name]) for name in CORNERS)
    return x0, y0, x1, y1
