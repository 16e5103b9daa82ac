"""What is shown of a ranking: junk marked, the own picture hidden, boxes where there are some."""

from __future__ import annotations

import numpy as np

from strata.retrieval.queries import Judgement
from strata.retrieval.topk import SCHEMA, Neighbours, grades_of, shown

NONE = np.zeros(0, np.int64)
JUDGED = Judgement(
    positives=np.array([1, 4]),
    n_positives=2,
    grades=["hard", "easy"],
    junk=np.array([3]),
    skipped=np.array([0, 3]),
    hidden=np.array([0]),
    own_positive=False,
)


def test_the_own_picture_is_hidden_and_junk_is_shown() -> None:
    assert shown(np.array([3, 0, 4, 2, 1]), JUDGED).tolist() == [0, 2, 3, 4]
    assert shown(np.array([0]), JUDGED).tolist() == []


def test_grades_are_the_positives_own_or_junk_or_none() -> None:
    assert grades_of(np.array([3, 4, 2, 1]), JUDGED) == ["junk", "easy", None, "hard"]


def test_the_table_numbers_ranks_from_one_and_leaves_boxes_null() -> None:
    gathered = Neighbours("t")
    gathered.add("Q", np.array([4, 2]), np.array([0.9, 0.8], np.float32), JUDGED, np.full((2, 4), np.nan))
    gathered.add("R", NONE, np.zeros(0, np.float32), JUDGED, np.zeros((0, 4)))
    gathered.add("S", np.array([1]), np.array([0.5], np.float32), JUDGED, np.array([[1.0, 2.0, 3.0, 4.0]]))
    rows = gathered.table(list("abcde")).to_pylist()
    assert [(row["query_id"], row["rank"], row["image_id"], row["grade"]) for row in rows] == [
        ("Q", 1, "e", "easy"),
        ("Q", 2, "c", None),
        ("S", 1, "b", "hard"),
    ]
    assert [row["x0"] for row in rows] == [None, None, 1.0]
    assert Neighbours("t").table([]).schema == SCHEMA
