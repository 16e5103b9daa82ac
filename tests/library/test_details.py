"""A finished run asked for a detail gives what its stage ``retrieve`` gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import strata
from strata.base.errors import StrataError
from strata.collection.tables import BOX
from tests.library.small_run import STAGES, run_stages, write_lock, write_project

DENSE = {"layers": ["middle"], "size_px": 136, "cells": [4, 6]}


@pytest.fixture(scope="module")
def densely(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("densely")
    changes = {"layers": ["middle"], "dense": DENSE, "retrieve": {"match": "dense", "expand": 1}}
    params = write_project(folder, changes)
    names = list(STAGES)
    run_stages(folder, names[: names.index("retrieve") + 1])
    write_lock(folder, params)
    return folder


def asked(run: strata.Run) -> list[dict[str, Any]]:
    """The boxed queries on pictures that could be read."""
    usable = set(run.ids())
    found: list[dict[str, Any]] = run.tables.queries.to_pylist()
    return [query for query in found if query["image_id"] in usable]


@pytest.mark.parametrize("expand", [0, 1])
def test_a_detail_is_found_as_by_the_stage(densely: Path, expand: int) -> None:
    run = strata.open_run(densely)
    details, queries = strata.open_details(run), asked(run)
    pictures = [details.collection.read(query["image_id"]) for query in queries]
    boxes = [tuple(query[side] for side in BOX) for query in queries]
    own = [query["image_id"] for query in queries]
    found = details.find(list(zip(pictures, boxes, strict=True)), own=own, expand=expand, top=5)
    stored = run.neighbours("middle").to_pylist()
    same = []
    for query, one in zip(queries, found, strict=True):
        rows = [row for row in stored if row["query_id"] == query["query_id"] and row["rank"] <= 5]
        kept = [(row["image_id"], row["score"], tuple(row[side] for side in BOX)) for row in rows]
        same.append([tuple(detail) for detail in one] == kept)
        assert query["image_id"] not in [detail.image_id for detail in one]
    assert len(same) > 5
    assert all(same) if expand else not all(same)  # the stage was told to expand by one box


def test_a_box_of_one_pixel_is_one_clear_line(densely: Path) -> None:
    details = strata.open_details(strata.open_run(densely), "middle")
    with pytest.raises(StrataError, match="a detail needs two pixels a side at least"):
        details.find([(np.zeros((50, 50, 3), np.uint8), (3, 3, 4, 4))])


def test_a_run_without_a_dense_index_says_how_to_make_one(finished: Path) -> None:
    with pytest.raises(StrataError, match=r"no dense index of 'late' \(it has: none\); `dvc exp run -S"):
        strata.open_details(strata.open_run(finished), "late")
