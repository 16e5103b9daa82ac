from __future__ import annotations

from typing import Any

import pytest

from strata.errors import StrataError
from strata.extraction.plan import plan_extraction, rows_table
from strata.features import ROWS_SCHEMA, database_rows
from strata.tables import SCHEMAS, Tables, from_rows

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
    assert [(row.image_id, row.query_id) for row in plan.rows] == [
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
    assert [row.query_id for row in plan_extraction(content, "crop").rows] == [None, "q2"]
    assert [row.query_id for row in plan_extraction(content, "whole").rows] == [None]


def test_unusable_pictures_and_their_queries_are_left_out() -> None:
    content = tables([image("a"), image("b", status="empty file")], [query("q", "b", **BOX)])
    assert [row.image_id for row in plan_extraction(content, "crop").rows] == ["a"]


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
    assert len(plan.rows) == 4
    assert len(plan.jobs) == 2
    assert plan.rows[0].item == plan.rows[1].item
    assert plan.rows[2].item == plan.rows[3].item


def test_roi_queries_ride_on_their_pictures_job() -> None:
    plan = plan_extraction(tables([image("a"), image("b")], [query("q", "b", **BOX)]), "roi")
    assert len(plan.jobs) == 2
    assert [item.roi for item in plan.jobs[1].items] == [None, (1.0, 2.0, 30.5, 20.0)]
    assert plan.jobs[1].box is None


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
    keys = {plan_extraction(content, view).rows[1].item for view in ("crop", "crop_same_scale", "roi")}
    assert keys == {
        "abc:crop:1.0,2.0,30.5,20.0",
        "abc:crop_same_scale:1.0,2.0,30.5,20.0",
        "abc:roi:1.0,2.0,30.5,20.0",
    }
    assert plan_extraction(content, "crop").rows[0].item == "abc:image"
