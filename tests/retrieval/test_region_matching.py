"""Region matching: against a loop over pictures and regions, from stored regions and from stored maps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from strata.base.files import write_array
from strata.maps.features import LayerInfo, write_layer_info
from strata.maps.rmac_regions import region_boxes
from strata.maps.stored_layers import StoredLayer
from strata.retrieval import region_matching
from strata.retrieval.queries import ABSENT
from strata.retrieval.region_matching import (
    Frames,
    RegionMatcher,
    RegionStore,
    match_regions,
    open_regions,
    query_vectors,
)
from strata.settings.params import View
from tests.maps.test_geometry import map_box_to_picture

HEIGHT, WIDTH, CHANNELS, PICTURES, CROPS = 4, 6, 5, 9, 3
ROWS = PICTURES + CROPS
ALL = np.ones(PICTURES, np.bool_)


def region_maxima(maps: np.ndarray, levels: int) -> np.ndarray:
    boxes = region_boxes(HEIGHT, WIDTH, levels).tolist()
    found = [np.fmax.reduce(maps[:, r : r + s, c : c + s], axis=(1, 2)) for _, r, c, s in boxes]
    return np.stack(found, axis=1)


@pytest.fixture
def maps() -> np.ndarray:
    """(N, H, W, C) float16 with padding: picture 2 is NaN but for its left column, crop 1 altogether."""
    values = np.random.default_rng(8).normal(size=(ROWS, HEIGHT, WIDTH, CHANNELS)).astype(np.float16)
    values[2, :, 1:] = np.nan
    values[PICTURES + 1] = np.nan
    return values


@pytest.fixture
def features(tmp_path: Path, maps: np.ndarray) -> Path:
    """The same maps as a layer of kind map, one of kind regions and one of kind vector."""
    for name, kind in (("m", "map"), ("r", "regions"), ("v", "vector")):
        write_layer_info(tmp_path, LayerInfo(name, name, kind, CHANNELS, HEIGHT, WIDTH, 3, 3.0, False))
    write_array(tmp_path / "m" / "map.npy", maps.reshape(ROWS, HEIGHT * WIDTH, CHANNELS))
    write_array(tmp_path / "r" / "regions.npy", region_maxima(maps, 3))
    return tmp_path


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.mark.parametrize("layer", ["m", "r"])
@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("center", [False, True])
def test_a_picture_scores_as_its_best_region_in_a_loop(features, maps, layer, levels, center) -> None:
    store = open_regions(features, layer, levels, ALL, center=center)
    assert store is not None
    regions = region_maxima(maps, levels).astype(np.float64)
    mean = np.fmax.reduce(regions[:PICTURES], axis=1).mean(axis=0) if center else np.zeros(CHANNELS)
    queries = query_vectors(store, np.array([PICTURES, PICTURES + 2]))
    found = match_regions(store, queries, ALL, budget_mib=1)
    for q, row in enumerate((PICTURES, PICTURES + 2)):
        query = np.fmax.reduce(regions[row]) - mean
        for picture in range(PICTURES):
            scores = [cosine(query, region - mean) for region in regions[picture] if not np.isnan(region[0])]
            assert found.scores[q, picture] == pytest.approx(max(scores), abs=1e-6)
            best = int(found.regions[q, picture])
            assert cosine(query, regions[picture, best] - mean) == pytest.approx(max(scores), abs=1e-6)


def test_a_map_and_its_stored_regions_are_the_same_to_the_bit(features) -> None:
    by_map, by_regions = (open_regions(features, layer, 3, ALL, center=False) for layer in "mr")
    assert by_map is not None
    assert by_regions is not None
    np.testing.assert_array_equal(by_map.read(slice(0, ROWS)), by_regions.read(slice(0, ROWS)))


def test_regions_without_a_valid_position_never_win(features) -> None:
    store = open_regions(features, "r", 3, ALL, center=False)
    assert store is not None
    invalid = np.isnan(store.read(slice(2, 3))[0, :, 0])
    assert invalid.any()
    found = match_regions(store, query_vectors(store, np.arange(PICTURES)), ALL, budget_mib=1)
    assert not invalid[found.regions[:, 2]].any()


def test_a_query_without_a_valid_region_or_a_row_finds_nothing(features) -> None:
    store = open_regions(features, "m", 3, ALL, center=False)
    assert store is not None
    queries = query_vectors(store, np.array([PICTURES + 1, -1, 0]))
    assert np.isnan(queries[:2]).all()
    found = match_regions(store, queries, ALL, budget_mib=1)
    assert np.isneginf(found.scores[:2]).all()
    assert np.isfinite(found.scores[2]).all()


def test_pictures_that_are_no_candidates_are_not_ranked(features) -> None:
    store = open_regions(features, "m", 3, ALL, center=False)
    assert store is not None
    candidates = ALL.copy()
    candidates[4] = False
    found = match_regions(store, query_vectors(store, np.array([0])), candidates, budget_mib=1)
    assert np.flatnonzero(np.isneginf(found.scores[0])).tolist() == [4]


def test_blocks_of_pictures_change_nothing(features, monkeypatch) -> None:
    store = open_regions(features, "r", 3, ALL, center=True)
    assert store is not None
    queries = query_vectors(store, np.arange(ROWS))
    whole = match_regions(store, queries, ALL, budget_mib=64)
    monkeypatch.setattr(region_matching, "BYTES_A_NUMBER", 2**30)
    seen: list[tuple[int, int]] = []
    blocks = match_regions(store, queries, ALL, 1, lambda start, block: seen.append((start, block.shape[1])))
    assert seen == [(i, 1) for i in range(PICTURES)]
    np.testing.assert_array_equal(whole.scores, blocks.scores)
    np.testing.assert_array_equal(whole.regions, blocks.regions)


def test_a_layer_without_a_map_has_no_regions(features) -> None:
    assert open_regions(features, "v", 3, ALL, center=False) is None
    assert json.loads((features / "v" / "layer.json").read_text())["kind"] == "vector"


def test_fewer_levels_are_a_prefix(features) -> None:
    deep, shallow = (open_regions(features, "r", levels, ALL, center=False) for levels in (3, 1))
    assert deep is not None
    assert shallow is not None
    first = deep.read(slice(0, 3))[:, : len(shallow.cells)]
    np.testing.assert_array_equal(first, shallow.read(slice(0, 3)))


STORE = RegionStore(StoredLayer(LayerInfo("x", "x", "regions", 1, 4, 4, 2, 3.0, False), {}), 2, None)
SIZES = np.array([(100, 60), (60, 100), (480, 360)])


def every_box(frames: Frames, places: np.ndarray) -> np.ndarray:
    return RegionMatcher(STORE, frames, ALL, budget_mib=1).reachable_boxes(places)


@pytest.mark.parametrize("view", ["center_crop", "squash", "letterbox"])
def test_boxes_are_those_of_the_geometry_one_at_a_time(view: View) -> None:
    frames = Frames(SIZES, view, 96)
    places, regions = np.array([2, 0, 2]), np.array([1, 0, 4])
    found = STORE.boxes(regions, frames, places)
    for box, place, region in zip(found, places, regions, strict=True):
        cells = tuple(STORE.cells[region].tolist())
        width, height = SIZES[place].tolist()
        assert tuple(box) == pytest.approx(map_box_to_picture(cells, 4, 4, width, height, 96, view))
    every = every_box(frames, np.arange(3))
    np.testing.assert_array_equal(every[places, regions], found)


def test_a_picture_that_was_not_read_has_no_boxes() -> None:
    found = every_box(Frames(SIZES, "squash", 96), np.array([1, ABSENT]))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_no_pictures_have_no_boxes() -> None:
    none = np.zeros(0, np.int64)
    assert STORE.boxes(none, Frames(SIZES, "squash", 96), none).shape == (0, 4)


def test_the_nominal_side_moves_a_box_by_less_than_a_pixel_of_the_view() -> None:
    for view in ("center_crop", "letterbox"):
        own = every_box(Frames(SIZES, view, 96), np.arange(3))
        nominal = every_box(Frames(SIZES, view, 224), np.arange(3))
        pixel = SIZES.min(axis=1) / 96 if view == "center_crop" else SIZES.max(axis=1) / 96
        assert (np.abs(own - nominal) < pixel[:, None, None]).all()
