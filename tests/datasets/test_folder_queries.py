"""Queries and relevance from CSV files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strata.base.errors import StrataError
from strata.datasets.folder_queries import read_queries, read_relevance

FILES = ["a b.jpg", "ü, [1].jpg"]
NO_BOX = {"x0": None, "y0": None, "x1": None, "y1": None}


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "t.csv").write_text(text, encoding="utf-8")
        return tmp_path / "t.csv"

    return write


def test_boxes_and_groups_may_be_empty(table: Callable[[str], Path]) -> None:
    text = 'query_id,file,x0,y0,x1,y1,group\nq1,a b.jpg,1,2.5,30,40,g\nq2,"ü, [1].jpg",,,,,\n'
    assert read_queries(table(text), "Q.csv", FILES) == [
        {"query_id": "q1", "image_id": "a b.jpg", "group": "g", "x0": 1.0, "y0": 2.5, "x1": 30.0, "y1": 40.0},
        {"query_id": "q2", "image_id": "ü, [1].jpg", "group": "q2", **NO_BOX},
    ]


def test_box_and_group_columns_may_be_missing(table: Callable[[str], Path]) -> None:
    found = read_queries(table("file;query_id\na b.jpg;q\n"), "Q.csv", FILES)
    assert found == [{"query_id": "q", "image_id": "a b.jpg", "group": "q", **NO_BOX}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query_id,path\n", "Q.csv: no column 'file'; the columns are query_id, path"),
        ("query_id,file\nq,c.jpg\n", "Q.csv, line 2: there is no picture 'c.jpg'"),
        ("query_id,file,x0,y0,x1,y1\nq,a b.jpg,1,2,3,\n", "Q.csv, line 2: x0, y0, x1, y1 = 1, 2, 3, : four"),
        (
            "query_id,file,x0,y0,x1,y1\nq,a b.jpg,1,2,3,x\n",
            "Q.csv, line 2: x0, y0, x1, y1 = 1, 2, 3, x: four",
        ),
        (
            "query_id,file,x0,y0,x1,y1\nq,a b.jpg,1,2,3,inf\n",
            "Q.csv, line 2: x0, y0, x1, y1 = 1, 2, 3, inf: four",
        ),
        (
            "query_id,file,x0\nq,a b.jpg,1\n",
            "Q.csv, line 2: x0, y0, x1, y1 = 1, , , : four numbers or nothing",
        ),
    ],
)
def test_wrong_queries_are_one_clear_line(table: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(StrataError) as caught:
        read_queries(table(text), "Q.csv", FILES)
    assert str(caught.value).startswith(message)


QUERIES: list[dict[str, Any]] = [{"query_id": "q"}]


def test_relevance_has_grades_and_maybe_boxes(table: Callable[[str], Path]) -> None:
    text = "query_id,file,grade,x0,y0,x1,y1\nq,a b.jpg, junk,,,,\nq,a b.jpg,good,0,0,5,5\n"
    found = read_relevance(table(text), "R.csv", FILES, QUERIES)
    assert found[0] == {"query_id": "q", "image_id": "a b.jpg", "grade": "junk", **NO_BOX}
    assert found[1]["x1"] == 5.0
    assert read_relevance(table("query_id,file,grade\n"), "R.csv", FILES, QUERIES) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("r,a b.jpg,good", "R.csv, line 2: query_id 'r' is not in the queries CSV"),
        ("q,a b.jpg,great", "R.csv, line 2: grade 'great' is not one of good, ok, easy, hard, junk"),
        ("q,c.jpg,good", "R.csv, line 2: there is no picture 'c.jpg'"),
    ],
)
def test_wrong_relevance_is_one_clear_line(table: Callable[[str], Path], row: str, message: str) -> None:
    with pytest.raises(StrataError) as caught:
        read_relevance(table(f"query_id,file,grade\n{row}\n"), "R.csv", FILES, QUERIES)
    assert str(caught.value).startswith(message)
