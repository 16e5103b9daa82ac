"""The four tables: whole and right, or an error that names file, column and row."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.collection.tables import (
    SCHEMAS,
    Tables,
    from_rows,
    read_tables,
    rejected_pictures,
    validate,
    write_tables,
)

HERE = Path("data/tables")
BOX = ("x0", "y0", "x1", "y1")


def image(image_id: str, **more: Any) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "path": f"p/{image_id}.jpg",
        "width": 100,
        "height": 50,
        "sha256": "0" * 64,
        "labels": ["cat"],
        "status": "ok",
        **more,
    }


def boxed(query_id: str, image_id: str, *box: float | None, **more: Any) -> dict[str, Any]:
    return {"query_id": query_id, "image_id": image_id, **dict(zip(BOX, box, strict=False)), **more}


def tables(
    images: list[dict[str, Any]] | None = None,
    queries: list[dict[str, Any]] | None = None,
    relevance: list[dict[str, Any]] | None = None,
) -> Tables:
    """Two pictures, a query, a positive; any of them replaced."""
    return Tables(
        images=from_rows("images", [image("a"), image("b")] if images is None else images),
        queries=from_rows("queries", queries or [boxed("q", "a", 1, 2, 30, 40, group="g")]),
        relevance=from_rows("relevance", relevance or [boxed("q", "b", grade="good")]),
        classes=from_rows("classes", [{"class_id": "cat", "facet": "label", "name": "cat", "synonyms": []}]),
    )


def refusal(wrong: Tables) -> str:
    with pytest.raises(StrataError) as caught:
        validate(wrong, HERE)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_what_is_written_is_read(tmp_path: Path) -> None:
    right = tables()
    write_tables(tmp_path, right)
    assert read_tables(tmp_path) == right
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.parquet" for name in SCHEMAS)


def test_missing_columns_are_null() -> None:
    row = from_rows("images", [image("a")]).to_pylist()[0]
    assert row["split"] is None
    assert from_rows("queries", []).schema == SCHEMAS["queries"]


def test_wrong_tables_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match="stands there twice"):
        write_tables(tmp_path, tables(images=[image("a"), image("b"), image("a")]))
    assert not list(tmp_path.iterdir())


def test_ids_stand_once() -> None:
    message = refusal(tables(images=[image("a"), image("b"), image("a")]))
    assert message == "data/tables/images.parquet: column image_id, row 2: 'a' stands there twice"
    two = [boxed("q", "a", group="g"), boxed("q", "b", group="g")]
    assert "queries.parquet: column query_id, row 1" in refusal(tables(queries=two))


def test_ids_are_known() -> None:
    message = refusal(tables(queries=[boxed("q", "c", group="g")]))
    assert message == "data/tables/queries.parquet: column image_id, row 0: 'c' is not known"
    good = boxed("q", "b", grade="good")
    assert "relevance.parquet: column image_id, row 1: 'c'" in refusal(
        tables(relevance=[good, boxed("q", "c", grade="good")])
    )
    assert "relevance.parquet: column query_id, row 0: 'r'" in refusal(
        tables(relevance=[boxed("r", "b", grade="good")])
    )
    assert "relevance.parquet: column grade, row 0: 'fine'" in refusal(
        tables(relevance=[boxed("q", "b", grade="fine")])
    )


def test_labels_are_classes() -> None:
    message = refusal(tables(images=[image("a"), image("b", labels=["cat", "dog"])]))
    assert message.startswith(
        "data/tables/images.parquet: column labels, row 1: class 'dog' is not in the classes"
    )


def test_needed_values_are_there() -> None:
    message = refusal(tables(images=[image("a"), image("b", status=None)]))
    assert message == "data/tables/images.parquet: column status, row 1: a value is missing"


def test_columns_and_types_are_the_schemas() -> None:
    right = tables()
    wide = right.images.set_column(2, "width", right.images["width"].cast(pa.int64()))
    assert refusal(replace(right, images=wide)).endswith("column width is int64, expected int32")
    assert "columns are ['image_id'], expected" in refusal(
        replace(right, images=right.images.select(["image_id"]))
    )


@pytest.mark.parametrize(
    "box",
    [(0, 0, 100, 50), (-1, -1, 101, 51), (0.5, 0.5, 0.6, 0.6), (None, None, None, None)],
    ids=str,
)
def test_a_box_inside_its_picture_is_right(box: tuple[float | None, ...]) -> None:
    validate(tables(queries=[boxed("q", "a", *box, group="g")]), HERE)


@pytest.mark.parametrize(
    "box",
    [(5, 5, 5, 9), (5, 9, 9, 5), (1, 2, 3, None), (math.nan, 0, 1, 1), (-math.inf, 0, 1, 1)],
    ids=str,
)
def test_what_is_no_box_is_refused(box: tuple[float | None, ...]) -> None:
    message = refusal(tables(relevance=[boxed("q", "b", grade="good"), boxed("q", "b", *box, grade="good")]))
    assert message.startswith("data/tables/relevance.parquet: columns x0..y1, row 1 (query 'q'): box (")
    assert "is no box" in message


@pytest.mark.parametrize(
    "box", [(-1.1, 0, 9, 9), (0, -1.1, 9, 9), (0, 0, 101.1, 9), (0, 0, 9, 51.1)], ids=str
)
def test_a_box_outside_its_picture_is_refused(box: tuple[float, ...]) -> None:
    message = refusal(tables(queries=[boxed("q", "b", *box, group="g")]))
    assert f"queries.parquet: columns x0..y1, row 0 (query 'q'): box {tuple(map(float, box))}" in message
    assert "leaves its picture 'b' (100 x 50); boxes are x0, y0, x1, y1 in pixels" in message


def test_a_box_in_a_picture_of_unknown_size_passes() -> None:
    images = [image("a", width=None, height=None, status="not a picture"), image("b")]
    validate(tables(images=images, queries=[boxed("q", "a", 0, 0, 9999, 9999, group="g")]), HERE)


side = st.one_of(st.none(), st.integers(-3, 104), st.just(math.nan))


@given(st.lists(st.tuples(side, side, side, side), min_size=1, max_size=6))
def test_the_first_wrong_box_is_found(boxes: list[tuple[float | None, ...]]) -> None:
    def wrong(box: tuple[float | None, ...]) -> bool:
        if all(value is None for value in box):
            return False
        if any(value is None or math.isnan(value) for value in box):
            return True
        x0, y0, x1, y1 = (value or 0 for value in box)
        return not (-1 <= x0 < x1 <= 101 and -1 <= y0 < y1 <= 51)

    queries = [boxed(f"q{row}", "a", *box, group="g") for row, box in enumerate(boxes)]
    relevance = [boxed("q0", "b", grade="good")]
    first = next((row for row, box in enumerate(boxes) if wrong(box)), None)
    if first is None:
        validate(tables(queries=queries, relevance=relevance), HERE)
    else:
        assert f"row {first} (query 'q{first}')" in refusal(tables(queries=queries, relevance=relevance))


def test_empty_tables_are_right(tmp_path: Path) -> None:
    empty = Tables(**{name: from_rows(name, []) for name in SCHEMAS})
    write_tables(tmp_path, empty)
    assert read_tables(tmp_path).images.num_rows == 0


def test_both_reasons_are_listed_once_and_the_first_one_counts() -> None:
    images = pa.table({"image_id": ["c", "b", "a"], "status": ["ok", "the file is empty", "ok"]})
    undecodable = pa.table({"image_id": ["c", "b"], "reason": ["damaged", "damaged too"]})
    assert rejected_pictures(images, undecodable) == [
        {"image_id": "b", "reason": "the file is empty"},
        {"image_id": "c", "reason": "damaged"},
    ]
