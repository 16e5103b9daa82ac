"""Which pictures and queries of a collection the grid is judged by."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from strata.collection.tables import Tables, from_rows
from strata.grid.asking import Questions, ask
from strata.maps.features import ROWS_SCHEMA
from strata.settings.params import GridParams, ProtocolEntry, RetrieveParams
from tests import planted

PICTURES = [f"p{n:03d}" for n in range(60)]
PROTOCOL = ProtocolEntry(ap="step", positives={"own": {"positive": ["good"], "junk": ["junk"]}})
RETRIEVE = RetrieveParams(
    match="region",
    metric="cosine",
    top_k=5,
    self_match="exclude",
    junk="skip",
    class_every=1,
    duplicates="keep",
    near_duplicate=0.98,
    budget_mib=16,
    postprocess="none",
    methods=planted.methods(),
)


def tables() -> Tables:
    """60 pictures, a third of class b; nine queries in three groups of three, each with two positives."""
    images = [{"image_id": i, "labels": ["b" if n % 3 == 2 else "a"]} for n, i in enumerate(PICTURES)]
    queries = [{"query_id": f"q{n}", "image_id": PICTURES[n], "group": f"g{n // 3}"} for n in range(9)]
    relevance = [
        {"query_id": f"q{n}", "image_id": PICTURES[50 - 2 * n - k], "grade": "good"}
        for n in range(9)
        for k in (0, 1)
    ]
    relevance.append({"query_id": "q0", "image_id": PICTURES[59], "grade": "junk"})
    shape = {"width": 10, "height": 10, "status": "ok"}
    return Tables(
        from_rows("images", [{**image, "path": image["image_id"], **shape} for image in images]),
        from_rows("queries", queries),
        from_rows("relevance", relevance),
        from_rows("classes", [{"class_id": c, "facet": "f", "name": c, "synonyms": []} for c in "ab"]),
    )


def asked(**changes: Any) -> Questions:
    grid = GridParams(
        poolings=["max"],
        treatments=["raw"],
        **{"max_pictures": None, "max_queries": None, "seed": 1, **changes},
    )
    rows = [{"row": n, "kind": "image", "image_id": i, "query_id": None} for n, i in enumerate(PICTURES)]
    return ask(tables(), pa.Table.from_pylist(rows, schema=ROWS_SCHEMA), PROTOCOL, RETRIEVE, "whole", grid)


def test_a_small_collection_is_asked_whole() -> None:
    found = asked()
    assert found.rows.all()
    assert found.left_out == []
    assert [len(some.queries.queries) for some in found.sets] == [9, 60]


def test_graded_pictures_are_kept_and_the_rest_is_drawn_by_class() -> None:
    found = asked(max_pictures=42)
    kept = set(found.database.image_ids)
    assert len(kept) == 42
    assert {PICTURES[50 - n] for n in range(18)} | set(PICTURES[:9]) <= kept
    assert PICTURES[59] in kept or PICTURES[59] in found.database.outside
    others = [n for n, i in enumerate(PICTURES) if i in kept and 9 <= n < 33]
    assert 0 < sum(n % 3 == 2 for n in others) < len(others)
    assert found.own is not None
    assert [one.n_positives for one in found.own.judged[0]] == [2] * 9


def test_a_picture_that_was_not_drawn_is_no_positive() -> None:
    found = asked(max_pictures=42)
    assert found.by_class is not None
    assert max(one.n_positives for one in found.by_class.judged[0]) < 41
    for one in found.by_class.judged[0]:
        assert one.n_positives == len(one.positives)


def test_groups_of_own_queries_stay_whole() -> None:
    found = asked(max_queries=7)
    assert found.own is not None
    assert found.by_class is not None
    groups = found.own.groups
    assert len(groups) == 6
    assert all(groups.count(group) == 3 for group in groups)
    assert len(found.by_class.queries.queries) == 7
    assert found.left_out == [
        "3 of 9 own queries: grid.max_queries = 7",
        "53 of 60 class queries: grid.max_queries = 7",
    ]


def test_one_seed_draws_the_same_and_another_others() -> None:
    first, again, other = (asked(max_pictures=40, seed=seed).database.image_ids for seed in (1, 1, 2))
    assert first == again != other
