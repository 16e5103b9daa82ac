from __future__ import annotations

from typing import Any

import pytest

from strata.base.errors import StrataError
from strata.collection.tables import SCHEMAS, Tables, from_rows
from strata.extraction.plan import plan_extraction, rows_table
from strata.maps.features import ROWS_SCHEMA, database_rows

BOX = {"x0": 1.0, "y0": 2.0, "x1": 30.5, "y1": 20.0}


def image(name: str, sha256: str | None = None, status: str = "ok") -> dict[str, Any]:
    return {
        "image_id": name,
        "path": f"{name}.jpg",
        "width": 40,
        "height": 30,
        "sha256": sha256 or name * 4,
        "labels": [],
        "status": status,
    }


def tables(images: list[dict[str, Any]], queries: list[dict[str, Any]] | None = None) -> Tables:
    return Tables(
        from_rows("images", images),
        from_rows("queries", queries or []),
        SCHEMAS["relevance"].empty_table(),
        SCHEMAS["classes"].empty_table(),
    )


def query(name: str, image_id: str, **box: float) -> dict[str, Any]:
    return {"query_id": name, "image_id": image_id, "group": "g", **box}


def test_pictures_come_first_by_id_then_boxed_queries_by_id() -> None:
    plan = plan_extraction(
        tables([image("b"), image("a")], [query("q2", "a", **BOX), query("q1", "b", **BOX)]), "crop"
    )
    assert list(zip(*plan.rows.select(["image_id", "query_id"]).to_pydict().values(), strict=True)) == [
        ("a", None),
        ("b", None),
        ("b", "q1"),
        ("a", "q2"),
    ]
    table = rows_table(plan.rows)
    assert table.schema == ROWS_SCHEMA
    assert table["row"].to_pylist() == [0, 1, 2, 3]
    assert table["kind"].to_pylist() == ["image", "image", "query", "query"]


def test_unboxed_queries_and_view_whole_add_no_rows() -> None:
    content = tables([image("a")], [query("q1", "a"), query("q2", "a", **BOX)])
    assert plan_extraction(content, "crop").rows["query_id"].to_pylist() == [None, "q2"]
    assert plan_extraction(content, "whole").rows["query_id"].to_pylist() == [None]


def test_unusable_pictures_and_their_queries_are_left_out() -> None:
    content = tables([image("a"), image("b", status="empty file")], [query("q", "b", **BOX)])
    assert plan_extraction(content, "crop").rows["image_id"].to_pylist() == ["a"]


def test_a_picture_that_only_queries_is_outside_of_the_database() -> None:
    content = tables([image("a"), {**image("b"), "split": "query"}, image("c")], [query("q", "b", **BOX)])
    table = rows_table(plan_extraction(content, "crop").rows)
    assert table["kind"].to_pylist() == ["image", "outside", "image", "query"]
    assert database_rows(table).tolist() == [True, False, True, False]


def test_no_usable_picture_is_an_error() -> None:
    with pytest.raises(StrataError, match="no picture is usable"):
        plan_extraction(tables([image("a", status="empty file")]), "whole")


def test_equal_pictures_and_equal_boxes_share_a_job() -> None:
    content = tables(
        [image("a", "same"), image("b", "same")], [query("q1", "a", **BOX), query("q2", "b", **BOX)]
    )
    plan = plan_extraction(content, "crop")
    assert [job.path for job in plan.jobs] == ["a.jpg", "a.jpg"]
    assert plan.row_items.tolist() == [0, 0, 1, 1]


def test_roi_queries_ride_on_their_pictures_job() -> None:
    plan = plan_extraction(tables([image("a"), image("b")], [query("q", "b", **BOX)]), "roi")
    _, second = plan.jobs
    assert [item.roi for item in second.items] == [None, (1.0, 2.0, 30.5, 20.0)]
    assert second.box is None
    assert plan.n_items.tolist() == [1, 2]
    assert plan.row_items.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("view", "same_scale"), [("crop", False), ("crop_same_scale", True)])
def test_crops_are_jobs_of_their_own_after_their_picture(view: Any, same_scale: bool) -> None:
    plan = plan_extraction(tables([image("a"), image("b")], [query("q", "a", **BOX)]), view)
    assert [(job.path, job.box is not None, job.same_scale) for job in plan.jobs] == [
        ("a.jpg", False, False),
        ("a.jpg", True, same_scale),
        ("b.jpg", False, False),
    ]


def test_an_item_is_named_by_content_view_and_box() -> None:
    content = tables([image("a", "abc")], [query("q", "a", **BOX)])
    keys = {list(plan_extraction(content, view).numbers)[1] for view in ("crop", "crop_same_scale", "roi")}
    assert keys == {
        "abc:crop:1.0,2.0,30.5,20.0",
        "abc:crop_same_scale:1.0,2.0,30.5,20.0",
        "abc:roi:1.0,2.0,30.5,20.0",
    }
    assert next(iter(plan_extraction(content, "crop").numbers)) == "abc:image"
