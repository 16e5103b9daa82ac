"""Who is positive, junk or left out: policies on own queries, and classes without an N x N table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.collection.tables import Tables, from_rows
from strata.maps.features import ROWS_SCHEMA
from strata.retrieval.class_queries import class_queries
from strata.retrieval.queries import Judgement, QuerySet, build_database, own_queries
from strata.settings.params import ProtocolEntry, RetrieveParams
from tests import planted

REVISITED = {
    "easy": {"positive": ["easy"], "junk": ["junk", "hard"]},
    "medium": {"positive": ["easy", "hard"], "junk": ["junk"]},
    "hard": {"positive": ["hard"], "junk": ["junk", "easy"]},
}


def params(**changes: Any) -> RetrieveParams:
    values = {
        "match": "global",
        "metric": "cosine",
        "top_k": 5,
        "self_match": "exclude",
        "junk": "skip",
        "class_every": 1,
        "duplicates": "keep",
        "near_duplicate": 0.98,
        "budget_mib": 64,
        "postprocess": "none",
        "methods": planted.methods(),
    }
    return RetrieveParams(**{**values, **changes})


def image(
    image_id: str, labels: list[str] | None = None, split: str | None = None, status: str = "ok"
) -> dict:
    return {
        "image_id": image_id, "path": image_id, "width": 100, "height": 80, "labels": labels or [],
        "split": split, "status": status,
    }  # fmt: skip


def tables(
    images: list[dict], queries: list[dict] = (), relevance: list[dict] = (), classes: str = ""
) -> Tables:
    """``classes``: 'facet:id facet:id'."""
    named = [entry.split(":") for entry in classes.split()]
    return Tables(
        from_rows("images", images),
        from_rows("queries", list(queries)),
        from_rows("relevance", list(relevance)),
        from_rows("classes", [{"facet": f, "class_id": c, "name": c, "synonyms": []} for f, c in named]),
    )


def rows(image_ids: list[str], crops: dict[str, str] | None = None) -> pa.Table:
    """rows.parquet: pictures, then crops (query_id -> image_id)."""
    entries = [("image", i, None) for i in image_ids] + [
        ("query", i, q) for q, i in sorted((crops or {}).items())
    ]
    return pa.Table.from_pylist(
        [{"row": n, "kind": k, "image_id": i, "query_id": q} for n, (k, i, q) in enumerate(entries)],
        schema=ROWS_SCHEMA,
    )


def own_set(
    judged: dict[str, str], *, lost: tuple[str, ...] = (), outside: tuple[str, ...] = (), **changes: Any
):
    """One query on q; ``judged``: picture -> grade; ``lost`` have no row; ``outside``: of split query."""
    ids = sorted({"q", "x", "y", *judged})
    there = [i for i in ids if i not in lost]
    found = tables(
        [image(i, split="query" if i in outside else None) for i in ids],
        [{"query_id": "Q", "image_id": "q", "group": "g"}],
        [{"query_id": "Q", "image_id": i, "grade": g} for i, g in judged.items()],
    )
    database = build_database(rows(there), found.images)
    protocol = ProtocolEntry(ap="trapezoid", positives=REVISITED)
    return there, own_queries(found, rows(there), database, protocol, params(**changes), "whole")


def judge(
    there: list[str], query_set: QuerySet, task: int = 0
) -> tuple[list[str], int, list[str], Judgement]:
    judged = query_set.tasks[task].judge(0)
    return (
        [there[i] for i in judged.positives],
        judged.n_positives,
        [there[i] for i in judged.skipped],
        judged,
    )


def test_each_task_reads_the_grades_its_own_way() -> None:
    there, found = own_set({"a": "easy", "b": "hard", "c": "junk"})
    assert [task.name for task in found.tasks] == ["easy", "medium", "hard"]
    assert judge(there, found, 0)[:3] == (["a"], 1, ["b", "c", "q"])
    assert judge(there, found, 1)[:3] == (["a", "b"], 2, ["c", "q"])
    assert judge(there, found, 2)[:3] == (["b"], 1, ["a", "c", "q"])


def test_junk_as_negative_takes_its_rank() -> None:
    there, found = own_set({"a": "easy", "c": "junk"}, junk="negative")
    positives, _, skipped, judged = judge(there, found)
    assert (positives, skipped) == (["a"], ["q"])
    assert [there[i] for i in judged.junk] == ["c"]


def test_the_own_picture_is_left_out_of_ranking_and_positives() -> None:
    there, found = own_set({"q": "easy", "a": "easy"})
    assert judge(there, found)[:3] == (["a"], 1, ["q"])


def test_the_own_picture_included_is_a_positive_of_itself() -> None:
    there, found = own_set({"a": "easy"}, self_match="include")
    positives, total, skipped, judged = judge(there, found)
    assert (positives, total, skipped, judged.own_positive) == (["a", "q"], 2, [], True)
    there, found = own_set({"a": "easy", "q": "junk"}, self_match="include")
    positives, total, skipped, judged = judge(there, found)
    assert (positives, total, skipped, judged.own_positive) == (["a"], 1, ["q"], False)


def test_a_positive_without_a_row_stays_in_the_denominator() -> None:
    there, found = own_set({"a": "easy", "b": "easy"}, lost=("b",))
    assert judge(there, found)[:2] == (["a"], 2)


def test_a_query_whose_picture_cannot_be_read_has_no_row() -> None:
    _, found = own_set({"a": "easy"}, lost=("q",))
    assert (found.queries[0].row, found.queries[0].own) == (-1, -1)


def test_pictures_of_the_split_query_are_no_part_of_the_database() -> None:
    there, found = own_set({"a": "easy", "x": "easy"}, outside=("q", "x"))
    assert judge(there, found)[:3] == (["a"], 1, [])
    there, found = own_set({"a": "easy"}, outside=("q",), self_match="include")
    assert judge(there, found)[:2] == (["a"], 1)


def test_a_picture_with_several_boxes_counts_once_and_its_best_grade_wins() -> None:
    found = tables(
        [image("a"), image("q")],
        [{"query_id": "Q", "image_id": "q", "x0": 0, "y0": 0, "x1": 5, "y1": 5, "group": "g"}],
        [
            {"query_id": "Q", "image_id": "a", "grade": "junk", "x0": 1, "y0": 1, "x1": 9, "y1": 9},
            {"query_id": "Q", "image_id": "a", "grade": "easy", "x0": 2, "y0": 2, "x1": 9, "y1": 9},
            {"query_id": "Q", "image_id": "a", "grade": "easy", "x0": 3, "y0": 3, "x1": 9, "y1": 9},
            {"query_id": "Q", "image_id": "q", "grade": "easy", "x0": 0, "y0": 0, "x1": 5, "y1": 5},
        ],
    )
    layout = rows(["a", "q"], {"Q": "q"})
    database = build_database(layout, found.images)
    protocol = ProtocolEntry(ap="step", positives=REVISITED)
    query_set = own_queries(found, layout, database, protocol, params(), "crop")
    assert judge(["a", "q"], query_set)[:3] == (["a"], 1, ["q"])
    image_ids, boxes = query_set.tasks[0].boxes[0]
    assert image_ids == ["a", "a"]
    assert boxes.tolist() == [[2, 2, 9, 9], [3, 3, 9, 9]]
    assert query_set.tasks[2].boxes == ()
    assert query_set.queries[0].row == 2


def test_the_query_vector_is_the_crop_unless_the_view_is_whole_or_there_is_no_box() -> None:
    found = tables(
        [image("a"), image("q")],
        [
            {"query_id": "B", "image_id": "q", "x0": 0, "y0": 0, "x1": 5, "y1": 5, "group": "g"},
            {"query_id": "W", "image_id": "q", "group": "g"},
        ],
    )
    protocol = ProtocolEntry(ap="step", positives=REVISITED)
    crops = rows(["a", "q"], {"B": "q"})
    database = build_database(crops, found.images)
    queries = own_queries(found, crops, database, protocol, params(), "roi").queries
    assert [(q.row, q.boxed, q.whole) for q in queries] == [(2, True, False), (1, False, True)]
    queries = own_queries(found, crops, database, protocol, params(), "whole").queries
    assert [(q.row, q.boxed, q.whole) for q in queries] == [(1, True, True), (1, False, True)]


@pytest.mark.parametrize(
    ("positives", "message"),
    [
        ({"own": {"junk": ["junk"]}}, "no positive grades"),
        ({"own": {"positive": ["good"]}}, "no query has a positive"),
    ],
)
def test_a_protocol_that_cannot_work_is_one_clear_line(positives: dict, message: str) -> None:
    found = tables(
        [image("a"), image("q")],
        [{"query_id": "Q", "image_id": "q", "group": "g"}],
        [{"query_id": "Q", "image_id": "a", "grade": "easy"}],
    )
    layout = rows(["a", "q"])
    database = build_database(layout, found.images)
    protocol = ProtocolEntry(ap="step", positives=positives)
    with pytest.raises(StrataError, match=message):
        own_queries(found, layout, database, protocol, params(), "whole")


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(["a", "b", "c", "mood"])), st.booleans()), min_size=1, max_size=12
    ),
    st.integers(1, 3),
)
def test_class_relevance_is_sharing_a_label_of_the_main_facet(pictures, every) -> None:
    images = [image(f"{n:02d}", sorted(labels)) for n, (labels, _) in enumerate(pictures)]
    found = tables(images, classes="main:a main:b main:c other:mood")
    there = [entry["image_id"] for entry, (_, readable) in zip(images, pictures, strict=True) if readable]
    database = build_database(rows(there), found.images)
    query_set = class_queries(found, database, every)
    assert [query.image_id for query in query_set.queries] == there[::every]
    for index, query in enumerate(query_set.queries):
        mine = set(pictures[int(query.image_id)][0]) - {"mood"}
        related = [
            entry["image_id"]
            for entry in images
            if entry["image_id"] != query.image_id and mine & set(entry["labels"])
        ]
        judged = query_set.tasks[0].judge(index)
        assert judged.n_positives == len(related)
        assert [there[i] for i in judged.positives] == [i for i in related if i in there]
        assert judged.skipped.tolist() == judged.hidden.tolist() == [query.own]


def test_without_labels_class_queries_have_no_positives() -> None:
    found = tables([image("a"), image("b")])
    database = build_database(rows(["a", "b"]), found.images)
    judged = class_queries(found, database, 1).tasks[0].judge(0)
    assert judged.n_positives == 0
    assert np.array_equal(judged.skipped, [0])
