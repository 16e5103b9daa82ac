"""Queries and relevance from CSV files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strata.base.errors import StrataError
from strata.datasets.folder_labels import Told
from strata.datasets.folder_queries import queries_by_label, read_queries, read_relevance

FILES = ["a b.jpg", "ü, [1].jpg"]
NO_BOX = {"x0": None, "y0": None, "x1": None, "y1": None}


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "t.csv").write_text(text, encoding="utf-8")
        return tmp_path / "t.csv"

    return write


QUERIES: list[dict[str, Any]] = [{"query_id": "q"}]


def queries_of(path: Path) -> list[dict[str, Any]]:
    return read_queries(path, "Q.csv", FILES, pytest.fail)[0]


def relevance_of(path: Path) -> list[dict[str, Any]]:
    return read_relevance(path, "R.csv", FILES, QUERIES, {"lost"}, pytest.fail)


def test_boxes_and_groups_may_be_empty(table: Callable[[str], Path]) -> None:
    text = 'query_id,file,x0,y0,x1,y1,group\nq1,a b.jpg,1,2.5,30,40,g\nq2,"ü, [1].jpg",,,,,\n'
    assert queries_of(table(text)) == [
        {"query_id": "q1", "image_id": "a b.jpg", "group": "g", "x0": 1.0, "y0": 2.5, "x1": 30.0, "y1": 40.0},
        {"query_id": "q2", "image_id": "ü, [1].jpg", "group": "q2", **NO_BOX},
    ]


def test_box_and_group_columns_may_be_missing(table: Callable[[str], Path]) -> None:
    found = queries_of(table("file;query_id\na b.jpg;q\n"))
    assert found == [{"query_id": "q", "image_id": "a b.jpg", "group": "q", **NO_BOX}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query_id,path\n", "Q.csv: no column 'file'; the columns are query_id, path"),
        ("query_id,file\nq,c.jpg\n", "Q.csv: 1 of 1 rows name no picture of the folder: 'c.jpg' (line 2)"),
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
        queries_of(table(text))
    assert str(caught.value).startswith(message)


def test_relevance_has_grades_and_maybe_boxes(table: Callable[[str], Path]) -> None:
    text = "query_id,file,grade,x0,y0,x1,y1\nq,a b.jpg, junk,,,,\nq,a b.jpg,good,0,0,5,5\n"
    found = relevance_of(table(text))
    assert found[0] == {"query_id": "q", "image_id": "a b.jpg", "grade": "junk", **NO_BOX}
    assert found[1]["x1"] == 5.0
    assert relevance_of(table("query_id,file,grade\n")) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("r,a b.jpg,good", "R.csv, line 2: query_id 'r' is not in the queries CSV"),
        ("q,a b.jpg,great", "R.csv, line 2: grade 'great' is not one of good, ok, easy, hard, junk"),
        ("q,c.jpg,good", "R.csv: 1 of 1 rows name no picture of the folder: 'c.jpg' (line 2)"),
    ],
)
def test_wrong_relevance_is_one_clear_line(table: Callable[[str], Path], row: str, message: str) -> None:
    with pytest.raises(StrataError) as caught:
        relevance_of(table(f"query_id,file,grade\n{row}\n"))
    assert str(caught.value).startswith(message)


def test_a_query_without_a_picture_is_left_out_with_its_judgements(table: Callable[[str], Path]) -> None:
    said: list[str] = []
    text = "query_id,file\nq,./a b.jpg \nlost,c.jpg\n"
    queries, left_out = read_queries(table(text), "Q.csv", FILES, said.append)
    assert ([query["query_id"] for query in queries], left_out) == (["q"], {"lost"})
    assert said == ["Q.csv: 1 of 2 rows name no picture of the folder: 'c.jpg' (line 3); they are left out"]
    judged = relevance_of(table("query_id,file,grade\nlost,a b.jpg,good\nq,a b.jpg,ok\n"))
    assert [(row["query_id"], row["grade"]) for row in judged] == [("q", "ok")]


def test_pictures_that_only_query_look_for_those_with_their_label() -> None:
    labels = {
        "q1": [("kind", "cow"), ("mood", "calm")],
        "q2": [("kind", "cow"), ("kind", "ship")],
        "q3": [("mood", "calm")],
        "a": [("kind", "cow"), ("mood", "calm")],
        "b": [("kind", "ship"), ("kind", "cow")],
        "c": [("mood", "calm")],
    }
    told = Told(labels, splits={**dict.fromkeys(["q1", "q2", "q3"], "query"), "a": "train"})
    queries, relevance = queries_by_label(told, ["kind", "mood"])
    assert [(query["query_id"], query["group"], query["x0"]) for query in queries] == [
        ("q1", "cow", None),
        ("q2", "cow; ship", None),
    ]
    assert sorted((row["query_id"], row["image_id"]) for row in relevance) == [
        ("q1", "a"),
        ("q1", "b"),
        ("q2", "a"),
        ("q2", "b"),
    ]
    assert queries_by_label(Told(labels), ["kind"]) == ([], [])
