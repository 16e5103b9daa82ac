"""What has to be encoded: which rows there will be, and which views of which pictures give them.

A row asks for an item; a job is one view put through the network, and gives one item or several: the whole
picture, and inside the same map every box of a ``roi`` query. Equal pictures (by SHA-256) share a job.

A million pictures are columns and one dictionary here; the objects are made as they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from strata.base.errors import StrataError
from strata.collection.tables import BOX, QUERY_SPLIT, USABLE, Tables
from strata.maps.features import ROWS_SCHEMA
from strata.maps.geometry import Box
from strata.settings.params import QueryView

PICTURES_AT_ONCE = 1024  # made into jobs

Boxed = Mapping[str, Sequence[tuple[str, Box]]]
"""SHA-256 of a picture -> its boxes and the keys of their items, sorted, each once."""


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
class Jobs:
    """Every job, in the order they are worked on. ``pictures``: path, sha256, width, height of each."""

    pictures: pa.Table
    boxed: Boxed
    view: QueryView

    def __iter__(self) -> Iterator[Job]:
        for batch in self.pictures.to_batches(max_chunksize=PICTURES_AT_ONCE):
            for picture in batch.to_pylist():
                yield from self._of(**picture)

    def _of(self, path: str, sha256: str, width: int, height: int) -> Iterator[Job]:
        boxes = self.boxed.get(sha256, ())
        regions = tuple(Item(key, box) for key, box in boxes) if self.view == "roi" else ()
        whole = Item(_whole(sha256), None)
        yield Job(path, sha256, width, height, None, False, (whole, *regions))
        if self.view != "roi":
            for key, box in boxes:
                same_scale = self.view == "crop_same_scale"
                yield Job(path, sha256, width, height, box, same_scale, (Item(key, None),))


@dataclass(frozen=True)
class Plan:
    """``rows``: kind, image_id, query_id and the SHA-256 of the row's picture; ``row_items``: (rows,) the
    number of the item each needs. ``numbers``: item key -> its number, in the order of ``jobs``;
    ``n_items``: (jobs,) how many each gives."""

    rows: pa.Table
    row_items: npt.NDArray[np.int64]
    jobs: Jobs
    numbers: Mapping[str, int]
    n_items: npt.NDArray[np.int64]

    def jobs_of(self, pictures: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
        """(jobs,) which jobs are views of ``pictures`` (by SHA-256)."""
        if not pictures:
            return np.zeros(len(self.n_items), np.bool_)
        return np.fromiter((job.sha256 in pictures for job in self.jobs), np.bool_, len(self.n_items))


def plan_extraction(tables: Tables, query_view: QueryView) -> Plan:
    """Plan the usable pictures and, unless ``query_view`` is ``whole``, the boxed queries on them.

    Jobs follow their picture's place in the order of image ids, so files are read in the order of their
    names. Raises StrataError when no picture is usable.
    """
    images = _usable(tables.images)
    queries, boxed = _boxed_queries(tables.queries, images, query_view)
    jobs = Jobs(_first_of_each(images), boxed, query_view)
    numbers: dict[str, int] = {}
    n_items = []
    for job in jobs:
        n_items.append(len(job.items))
        for item in job.items:
            numbers[item.key] = len(numbers)
    wanted = [numbers[_whole(sha256)] for sha256 in images["sha256"].to_pylist()]
    wanted += [numbers[query["key"]] for query in queries]
    return Plan(_rows(images, queries), np.array(wanted), jobs, numbers, np.array(n_items))


def rows_table(rows: pa.Table) -> pa.Table:
    """``rows.parquet`` of these rows, numbered as they come."""
    columns = [pa.array(np.arange(rows.num_rows), pa.int32())]
    columns += [rows[name].combine_chunks() for name in ROWS_SCHEMA.names[1:]]
    return pa.table(columns, schema=ROWS_SCHEMA)


def _usable(images: pa.Table) -> pa.Table:
    """The pictures that can be read, in order of their ids."""
    columns = images.select(["image_id", "path", "sha256", "width", "height", "split", "status"])
    found = columns.filter(pc.equal(columns["status"], USABLE)).sort_by("image_id")
    if not found.num_rows:
        raise StrataError(
            "images.parquet: no picture is usable; column status says why for each, mend the files"
        )
    return found


def _boxed_queries(
    table: pa.Table, images: pa.Table, view: QueryView
) -> tuple[list[dict[str, Any]], dict[str, list[tuple[str, Box]]]]:
    """The queries with a box on usable pictures, by their ids, with the ``key`` of their item and the
    ``sha256`` of their picture; and the boxes of every picture."""
    if view == "whole":
        return [], {}
    asked = table.filter(pc.is_valid(table["x0"])).sort_by("query_id").to_pylist()
    pictures = images.filter(
        pc.is_in(images["image_id"], pa.array([query["image_id"] for query in asked], pa.string()))
    )
    sha256 = dict(zip(pictures["image_id"].to_pylist(), pictures["sha256"].to_pylist(), strict=True))
    queries = []
    boxes: dict[str, dict[str, Box]] = {}
    for query in asked:
        if (picture := sha256.get(query["image_id"])) is not None:
            box = _box(query)
            key = f"{picture}:{view}:{','.join(map(repr, box))}"
            queries.append({**query, "sha256": picture, "key": key})
            boxes.setdefault(picture, {})[key] = box
    return queries, {picture: sorted(found.items()) for picture, found in boxes.items()}


def _first_of_each(images: pa.Table) -> pa.Table:
    """Of pictures with one SHA-256 the first."""
    codes = images["sha256"].combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.sort(np.unique(codes, return_index=True)[1])
    return images.select(["path", "sha256", "width", "height"]).take(first)


def _rows(images: pa.Table, queries: Sequence[Mapping[str, Any]]) -> pa.Table:
    outside = pc.fill_null(pc.equal(images["split"], QUERY_SPLIT), False)
    pictures = {
        "kind": pc.if_else(outside, "outside", "image"),
        "image_id": images["image_id"],
        "query_id": pa.nulls(images.num_rows, pa.string()),
        "sha256": images["sha256"],
    }
    boxed = {
        "kind": pa.array(["query"] * len(queries), pa.string()),
        **{name: pa.array([query[name] for query in queries], pa.string()) for name in list(pictures)[1:]},
    }
    return pa.concat_tables([pa.table(pictures), pa.table(boxed)])


def _whole(sha256: str) -> str:
    """The key of a whole picture's item."""
    return f"{sha256}:image"


def _box(row: Mapping[str, Any]) -> Box:
    x0, y0, x1, y1 = (float(row[name]) for name in BOX)
    return x0, y0, x1, y1
