"""Boxes matched with the windows of dense maps, through the interface that ranking and scoring use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from strata.collection.tables import from_rows
from strata.dense.index import write_index
from strata.dense.indexing import PROJECTION
from strata.dense.params import DenseParams
from strata.dense.projection import Projection, encode, project, write_projection
from strata.dense.raw_maps import write_templates
from strata.dense.search import DenseMatch
from strata.maps.features import ROWS_SCHEMA
from strata.retrieval.dense_matching import DenseMatcher, open_dense
from strata.retrieval.queries import ABSENT, Database, Query, build_database

IDS = ["a", "b", "c", "d", "e"]
INDEXED = IDS[:4]  # e could not be decoded at full size
CHANNELS, ROWS, COLUMNS, PIXELS = 8, 7, 9, 10
AT = (2, 3)  # row and column where b and d hold what a has at 0, 0
PROJECTION_ITSELF = Projection(np.zeros(CHANNELS, np.float32), np.eye(CHANNELS, dtype=np.float32), "here", 9)


def raw() -> np.ndarray:
    maps = np.random.default_rng(3).normal(size=(len(INDEXED), ROWS, COLUMNS, CHANNELS)).astype(np.float16)
    row, column = AT
    for copy in (1, 3):
        maps[copy, row : row + 3, column : column + 4] = maps[0, :3, :4]
    return maps


def database(outside: str = "") -> Database:
    images = [
        {
            "image_id": name,
            "path": name,
            "width": COLUMNS * PIXELS,
            "height": ROWS * PIXELS,
            "sha256": name * 64,
            "labels": [],
            "status": "ok",
            "split": "query" if name == outside else None,
        }
        for name in IDS
    ]
    rows = [{"row": n, "kind": "image", "image_id": name, "query_id": None} for n, name in enumerate(IDS)]
    return build_database(pa.Table.from_pylist(rows, schema=ROWS_SCHEMA), from_rows("images", images))


def query(name: str, *, boxed: bool = True, own: int = 0) -> Query:
    return Query(name, IDS[own], "g", ABSENT, own, boxed, not boxed)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index of four pictures and the templates of two queries."""
    maps = raw()
    sizes = np.tile([COLUMNS * PIXELS, ROWS * PIXELS], (len(INDEXED), 1))
    shapes = np.tile([ROWS, COLUMNS], (len(INDEXED), 1))
    write_index(tmp_path, INDEXED, sizes, shapes, enumerate(maps), PROJECTION_ITSELF)
    cut = encode(project(maps[0, :3, :4], PROJECTION_ITSELF))
    templates = [(0, cut), (1, cut[:2]), (2, cut)]
    write_templates(
        tmp_path, ["q", "q", "whole"], np.array([[3, 4], [2, 4], [3, 4]]), CHANNELS, templates, "|i1"
    )
    write_projection(tmp_path / PROJECTION, PROJECTION_ITSELF)
    return tmp_path


def opened(folder: Path, *, own_counts: bool = False, outside: str = "", **changes: int) -> DenseMatcher:
    return open_dense(folder, database(outside), DenseMatch(DenseParams(**changes)), own_counts=own_counts)


def test_copies_are_found_where_they_are(folder: Path) -> None:
    found = opened(folder).match([query("q")], None)
    assert set(np.argsort(-found.scores[0])[:2].tolist()) == {1, 3}
    row, column = AT
    expected = np.array([column, row, column + 4, row + 3]) * PIXELS
    assert np.abs(found.boxes(0, np.array([1, 3])) - expected).max() <= PIXELS / 2


def test_the_own_picture_is_no_answer_unless_it_counts(folder: Path) -> None:
    assert opened(folder).match([query("q")], None).scores[0, 0] == -np.inf
    assert opened(folder, own_counts=True).match([query("q")], None).scores[0].argmax() == 0


def test_pictures_that_are_not_ranked_or_not_indexed_are_not_found(folder: Path) -> None:
    found = opened(folder, outside="b").match([query("q")], 1)
    assert found.scores[0, [1, 4]].tolist() == [-np.inf, -np.inf]
    assert set(found.detections(0, np.array([2])).pictures.tolist()) == {3}
    assert np.isnan(found.boxes(0, np.array([4]))).all()


def test_several_boxes_a_picture_do_not_overlap(folder: Path) -> None:
    boxes = opened(folder, boxes=3).match([query("q")], 1).detections(0, np.array([0]))
    on_b = boxes.boxes[boxes.pictures == 1]
    assert 1 < len(on_b) <= 3
    apart = [
        np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
        for number, one in enumerate(on_b)
        for other in on_b[:number]
    ]
    assert all(sides.min() <= 1e-9 for sides in apart)


def test_a_query_whose_picture_could_not_be_read_finds_nothing(folder: Path) -> None:
    found = opened(folder).match([query("q"), query("lost")], 1)
    assert (found.scores[1] == -np.inf).all()
    assert not len(found.detections(1, np.zeros(0, np.int64)).pictures)
    alone = opened(folder).match([query("q")], 1)
    assert np.array_equal(found.scores[0], alone.scores[0])


def test_whole_pictures_are_matched_if_they_have_templates(folder: Path) -> None:
    matcher = opened(folder)
    assert matcher.takes(query("whole", boxed=False))
    assert not matcher.takes(query("other", boxed=False))
    assert matcher.takes(query("lost"))


def test_what_changes_the_numbers_is_said(folder: Path) -> None:
    said = opened(folder, expand=2).policies
    assert said["expansion"] == "first 2 boxes (transductive)"
    assert said["match_fit_set"] == "here"
    assert said["cells"] == "6, 7, 8, 10 and the box's own, mirrored"
    assert opened(folder).policies["expansion"] == "none"
