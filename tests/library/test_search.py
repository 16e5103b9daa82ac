"""Search over a finished run finds what ``retrieve`` found, and a file finds its own picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import strata
from strata.base.errors import StrataError
from strata.library.search import describe
from tests.library.small_run import STAGES, run_stages, write_lock, write_project

TOP = 5


@pytest.fixture(scope="module")
def run(finished: Path) -> strata.Run:
    return strata.open_run(finished)


@pytest.mark.parametrize("layer", ["stem", "late", "embedding"])
def test_an_id_finds_what_the_run_found(run: strata.Run, layer: str) -> None:
    rows = [row for row in run.neighbours(layer).to_pylist() if row["task"] == "class"]
    for image_id in run.ids()[:8]:
        wanted = [(row["image_id"], row["score"]) for row in rows if row["query_id"] == image_id][:TOP]
        found = strata.search(run, image_id, layer=layer, top=TOP)
        assert [one.image_id for one in found] == [name for name, _ in wanted]
        np.testing.assert_allclose([one.score for one in found], [score for _, score in wanted], atol=1e-6)


def paths(run: strata.Run) -> dict[str, Path]:
    columns = (run.tables.images[name].to_pylist() for name in ("image_id", "path"))
    return {name: run.root / path for name, path in zip(*columns, strict=True)}


@pytest.mark.parametrize("layer", ["stem", "late", "embedding"])
def test_a_file_has_the_descriptor_of_its_row(run: strata.Run, layer: str) -> None:
    for place, image_id in list(enumerate(run.ids()))[:4]:
        made = describe(run, layer, paths(run)[image_id])
        np.testing.assert_allclose(made[0], run.descriptors(layer)[place], atol=1e-3)


CHANGES: dict[str, dict[str, Any]] = {
    "centred R-MAC, letterboxed": {
        "pooling": "rmac",
        "pool": {"center": True},
        "extract": {"view": "letterbox"},
    },
    "whitened GeM, squashed": {"pooling": "gem", "pool": {"whiten": "self"}, "extract": {"view": "squash"}},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=list(CHANGES))
def test_view_pooling_centring_and_whitening_are_those_of_the_run(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    params = write_project(tmp_path, {**changes, "layers": ["late"]})
    names = list(STAGES)
    run_stages(tmp_path, names[: names.index("retrieve") + 1])
    write_lock(tmp_path, params)
    run = strata.open_run(tmp_path)
    for place, image_id in list(enumerate(run.ids()))[:4]:
        made = describe(run, "late", paths(run)[image_id])
        np.testing.assert_allclose(made[0], run.descriptors("late")[place], atol=5e-3)
        assert strata.search(run, paths(run)[image_id], layer="late", top=1)[0].image_id == image_id


def test_the_distance_is_negative_and_nearest_first(run: strata.Run) -> None:
    found = strata.search(run, run.ids()[3], layer="late", metric="euclidean", top=TOP)
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] <= 0


def test_a_picture_that_is_none_is_one_line(run: strata.Run) -> None:
    with pytest.raises(StrataError, match="no such picture: No such file"):
        strata.search(run, "no such picture", layer="late")
