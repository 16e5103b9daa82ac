"""The five tables every data set becomes, their schemas and their rules.

An adaptor fills them, ``prepare`` writes them, every later stage reads them. A violation names file, column
and row. ``classes`` has a ``facet`` column (a picture can be classed by motif *and* by mood); the first facet
of the table is the main one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from strata.base.errors import StrataError
from strata.base.files import read_table, required, write_table

Rows = Sequence[dict[str, Any]]

GRADES = ("good", "ok", "easy", "hard", "junk")
QUERY_SPLIT = "query"  # images.split of pictures that only query: no part of the database (revisited Oxford)
USABLE = "ok"  # images.status of a picture that can be used; anything else is the reason why not

BOX = ("x0", "y0", "x1", "y1")  # the columns of a box: left, top, right, bottom in pixels
BOX_COLUMNS = [pa.field(name, pa.float64()) for name in BOX]  # null where there is no box

_TEXT, _TEXTS, _SIZE = pa.string(), pa.list_(pa.string()), pa.int32()
SCHEMAS: dict[str, pa.Schema] = {
    "images": pa.schema(
        [
            *required(image_id=_TEXT, path=_TEXT),
            *(("width", _SIZE), ("height", _SIZE), ("sha256", _TEXT)),
            *required(labels=_TEXTS),
            ("split", _TEXT),
            *required(status=_TEXT),
        ]
    ),
    "queries": pa.schema([*required(query_id=_TEXT, image_id=_TEXT), *BOX_COLUMNS, *required(group=_TEXT)]),
    "relevance": pa.schema([*required(query_id=_TEXT, image_id=_TEXT, grade=_TEXT), *BOX_COLUMNS]),
    "classes": pa.schema(
        [*required(class_id=_TEXT, facet=_TEXT, name=_TEXT, synonyms=_TEXTS), ("description", _TEXT)]
    ),
    "captions": pa.schema(
        [
            pa.field("image_id", pa.string(), nullable=False),
            pa.field("caption", pa.string(), nullable=False),
        ]
    ),
}


@dataclass(frozen=True)
class Tables:
    """The tables of one data set; most have no captions."""

    images: pa.Table
    queries: pa.Table
    relevance: pa.Table
    classes: pa.Table
    captions: pa.Table = field(default_factory=SCHEMAS["captions"].empty_table)


def from_rows(name: str, rows: Rows) -> pa.Table:
    """Rows as dicts -> the table ``name``; a missing nullable column is null."""
    schema = SCHEMAS[name]
    columns = [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def tables_from_rows(
    images: Rows, queries: Rows = (), relevance: Rows = (), classes: Rows = (), captions: Rows = ()
) -> Tables:
    """All of them from rows as dicts."""
    return Tables(*map(from_rows, SCHEMAS, (images, queries, relevance, classes, captions)))


def box_columns(box: Sequence[float]) -> dict[str, float]:
    """``(x0, y0, x1, y1)`` in pixels as columns of ``queries`` and ``relevance``."""
    return dict(zip(BOX, map(float, box), strict=True))


def write_tables(folder: Path, tables: Tables) -> None:
    """Validate and write them all; nothing is written when one is wrong."""
    validate(tables, folder)
    for name in SCHEMAS:
        write_table(folder / f"{name}.parquet", getattr(tables, name))


def read_tables(folder: Path) -> Tables:
    """Read and validate them all."""
    tables = Tables(**{name: read_table(folder / f"{name}.parquet") for name in SCHEMAS})
    validate(tables, folder)
    return tables


def rejected_pictures(images: pa.Table, undecodable: pa.Table) -> list[dict[str, str]]:
    """``[{"image_id", "reason"}]``: what cannot be used, by its header (``prepare``) or pixels (``extract``).

    Sorted by image_id; a picture refused twice keeps its first reason.

    images : the images table; undecodable : (image_id, reason), what ``extract`` wrote.
    """
    unusable = images.filter(pc.not_equal(images["status"], USABLE))
    reasons = dict(zip(undecodable["image_id"].to_pylist(), undecodable["reason"].to_pylist(), strict=True))
    reasons |= dict(zip(unusable["image_id"].to_pylist(), unusable["status"].to_pylist(), strict=True))
    return [{"image_id": name, "reason": reasons[name]} for name in sorted(reasons)]


def validate(tables: Tables, folder: Path) -> None:
    """Raise StrataError for the first broken rule, naming file, column and row."""
    for name, schema in SCHEMAS.items():
        _check_schema(folder / f"{name}.parquet", getattr(tables, name), schema)
    _check_unique(folder / "images.parquet", tables.images, "image_id")
    _check_unique(folder / "queries.parquet", tables.queries, "query_id")
    _check_unique(folder / "classes.parquet", tables.classes, "class_id")
    images, queries = tables.images["image_id"], tables.queries["query_id"]
    _check_known(folder / "queries.parquet", tables.queries, "image_id", images)
    _check_known(folder / "relevance.parquet", tables.relevance, "image_id", images)
    _check_known(folder / "relevance.parquet", tables.relevance, "query_id", queries)
    _check_known(folder / "relevance.parquet", tables.relevance, "grade", pa.array(GRADES))
    _check_known(folder / "captions.parquet", tables.captions, "image_id", images)
    _check_labels(folder / "images.parquet", tables)
    _check_boxes(folder / "queries.parquet", tables.queries, tables.images)
    _check_boxes(folder / "relevance.parquet", tables.relevance, tables.images)


def _check_schema(path: Path, table: pa.Table, schema: pa.Schema) -> None:
    if table.schema.names != schema.names:
        raise StrataError(f"{path}: columns are {table.schema.names}, expected {schema.names}")
    for wanted in schema:
        column = table[wanted.name]
        if column.type != wanted.type:
            raise StrataError(f"{path}: column {wanted.name} is {column.type}, expected {wanted.type}")
        if not wanted.nullable and column.null_count:
            row = pc.index(pc.is_null(column), True).as_py()
            raise StrataError(f"{path}: column {wanted.name}, row {row}: a value is missing")


def _check_unique(path: Path, table: pa.Table, column: str) -> None:
    values = table[column]
    if len(pc.unique(values)) == len(values):
        return
    seen: set[str] = set()
    for row, value in enumerate(values.to_pylist()):
        if value in seen:
            raise StrataError(f"{path}: column {column}, row {row}: {value!r} stands there twice")
        seen.add(value)


def _check_known(path: Path, table: pa.Table, column: str, known: pa.Array | pa.ChunkedArray) -> None:
    found = pc.is_in(
        table[column], value_set=known.combine_chunks() if isinstance(known, pa.ChunkedArray) else known
    )
    row = pc.index(found, False).as_py()
    if row >= 0:
        raise StrataError(f"{path}: column {column}, row {row}: {table[column][row].as_py()!r} is not known")


def _check_labels(path: Path, tables: Tables) -> None:
    labels = pc.unique(pc.list_flatten(tables.images["labels"]))
    unknown = sorted(set(labels.to_pylist()) - set(tables.classes["class_id"].to_pylist()), key=str)
    if not unknown:
        return
    for row, values in enumerate(tables.images["labels"].to_pylist()):
        if unknown[0] in values:
            raise StrataError(
                f"{path}: column labels, row {row}: class {unknown[0]!r} is not in the classes table; "
                "add it to the data set's YAML or mend the label"
            )


def _check_boxes(path: Path, table: pa.Table, images: pa.Table) -> None:
    """Boxes are (x0, y0, x1, y1) in pixels, 0-based, x1 > x0, y1 > y0, inside the picture (1 px of slack)."""
    box = np.stack([_floats(table[name]) for name in BOX])  # (4, rows); null is NaN here
    null = np.stack([table[name].is_null().to_numpy() for name in BOX])
    place = pc.index_in(table["image_id"], value_set=images["image_id"].combine_chunks())
    width, height = (_floats(images[name].take(place)) for name in ("width", "height"))
    x0, y0, x1, y1 = box
    whole = null.all(axis=0)
    no_box = ~whole & ~(np.isfinite(box).all(axis=0) & (x0 < x1) & (y0 < y1))
    outside = ~whole & ((x0 < -1) | (y0 < -1) | (x1 > width + 1) | (y1 > height + 1))  # NaN: size not known
    wrong = np.flatnonzero(no_box | outside)
    if not len(wrong):
        return
    row = int(wrong[0])
    query_id, image_id, *sides = (table[name][row].as_py() for name in ("query_id", "image_id", *BOX))
    where = f"{path}: columns x0..y1, row {row} (query {query_id!r}): box {tuple(sides)}"
    if no_box[row]:
        raise StrataError(f"{where} is no box (x0 < x1, y0 < y1; all four or none)")
    raise StrataError(
        f"{where} leaves its picture {image_id!r} ({width[row]:.0f} x {height[row]:.0f}); "
        "boxes are x0, y0, x1, y1 in pixels"
    )


def _floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
