"""Pooling against slow double loops and the numbers of the literature."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.descriptors.pooling import (
    check_poolable,
    generalised_mean,
    parts_per_row,
    pooled_parts,
    unit_of,
)
from strata.maps.features import LayerInfo
from strata.maps.rmac_regions import region_boxes
from strata.maps.stored_layers import StoredLayer, stored_regions
from strata.settings.params import Pooling


def info(kind="map", height=4, width=6, channels=2, levels=3, has_cls=False, name="early"):
    return LayerInfo(name, "m", kind, channels, height, width, levels, 3.0, has_cls)


def map_layer(grid):
    """grid : (N, H, W, C), NaN = invalid."""
    n, height, width, channels = grid.shape
    return StoredLayer(
        info("map", height, width, channels), {"map": grid.reshape(n, height * width, channels)}
    )


def loop_regions(grid, levels):
    """One picture (H, W, C): the maxima by plain loops; NaN where nothing is valid."""
    height, width, channels = grid.shape
    found = []
    for _, row, col, size in region_boxes(height, width, levels):
        vector = [np.nan] * channels
        for i in range(row, row + size):
            for j in range(col, col + size):
                for c in range(channels):
                    value = grid[i, j, c]
                    if not np.isnan(value) and (np.isnan(vector[c]) or value > vector[c]):
                        vector[c] = value
        found.append(vector)
    return np.array(found, np.float32).reshape(-1, channels)


@st.composite
def grids(draw, largest=7):
    height, width, seed = (
        draw(st.integers(1, largest)),
        draw(st.integers(1, largest)),
        draw(st.integers(0, 999)),
    )
    random = np.random.default_rng(seed)
    grid = random.normal(size=(2, height, width, 3)).astype(np.float16)
    grid[random.random((2, height, width)) < draw(st.sampled_from([0.0, 0.4]))] = np.nan
    return grid


@given(grids(), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_region_maxima_equal_the_loops(grid, levels):
    found = stored_regions(map_layer(grid), slice(0, 2), levels)
    for picture, regions in zip(grid, found, strict=True):
        np.testing.assert_array_equal(regions, loop_regions(picture.astype(np.float32), levels))


@given(grids(), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_max_over_the_regions_of_any_number_of_levels_is_the_global_maximum(grid, levels):
    layer = map_layer(grid)
    everywhere = np.fmax.reduce(grid.astype(np.float32).reshape(2, -1, 3), axis=1)
    np.testing.assert_array_equal(pooled_parts(layer, slice(0, 2), "max", levels)[:, 0], everywhere)
    regions = stored_regions(layer, slice(0, 2), levels)
    np.testing.assert_array_equal(np.fmax.reduce(regions, axis=1), everywhere)


@pytest.mark.parametrize("short", [1, 2, 3, 8])
def test_level_one_tiles_the_map_up_to_an_aspect_of_seven(short):
    for long in range(short, 7 * short + 1):
        covered = np.zeros((short, long), bool)
        for _, row, col, size in region_boxes(short, long, 1):
            covered[row : row + size, col : col + size] = True
        assert covered.all(), (short, long)


@pytest.mark.parametrize("pooling", ["max", "rmac", "rmac_global", "avg", "gem"])
def test_stored_regions_give_what_the_map_gives(pooling):
    grid = np.random.default_rng(0).random((3, 4, 6, 5)).astype(np.float32)
    of_map = map_layer(grid)
    stored = {
        "regions": stored_regions(of_map, slice(0, 3), 4),
        "mean": grid.mean(axis=(1, 2)),
        "gem": generalised_mean(grid.reshape(3, 24, 5), 3.0),
    }
    of_regions = StoredLayer(info("regions", 4, 6, 5, levels=4), stored)
    for levels in (1, 2, 3):
        np.testing.assert_allclose(
            pooled_parts(of_regions, slice(1, 3), pooling, levels),
            pooled_parts(of_map, np.array([1, 2]), pooling, levels),
            rtol=1e-6,
        )


@pytest.mark.parametrize("pooling", ["max", "rmac_global"])
def test_the_maximum_of_a_long_map_is_that_of_all_its_positions(pooling):
    grid = np.random.default_rng(0).random((40, 24, 1, 3)).astype(np.float32)
    whole = grid.max(axis=(1, 2))
    of_map = map_layer(grid)
    missed = stored_regions(of_map, slice(None), 1).max(axis=1)
    assert (missed < whole).any()
    stored = {"regions": stored_regions(of_map, slice(None), 3), "max": whole}
    of_regions = StoredLayer(info("regions", 24, 1, 3, levels=3), stored)
    for layer in (of_map, of_regions):
        np.testing.assert_array_equal(pooled_parts(layer, slice(None), pooling, 3)[:, -1], whole)


def test_gem_of_one_to_four_is_the_known_number():
    values = np.array([1, 2, 3, 4], np.float32).reshape(1, 4, 1)
    assert generalised_mean(values, 3.0)[0, 0] == pytest.approx(2.92402, abs=5e-6)


def test_gem_clamps_negative_values_and_survives_a_high_power():
    values = np.array([[[-5.0, 3000.0], [2.0, 10.0]]], np.float32)
    assert generalised_mean(values, 3.0)[0, 0] == pytest.approx((8 / 2) ** (1 / 3), rel=1e-5)
    assert generalised_mean(values, 100.0)[0, 1] == pytest.approx(3000 * 0.5**0.01, rel=1e-5)


def test_invalid_positions_take_no_part_in_means():
    grid = np.array([[1.0, np.nan], [3.0, np.nan]], np.float32).reshape(1, 2, 2, 1)
    assert pooled_parts(map_layer(grid), slice(0, 1), "avg", 1).ravel().tolist() == [2.0]
    assert pooled_parts(map_layer(grid), slice(0, 1), "gem", 1)[0, 0, 0] == pytest.approx(
        14 ** (1 / 3), rel=1e-5
    )


@pytest.mark.parametrize("pooling", get_args(Pooling))
def test_a_vector_is_its_own_pooling(pooling):
    vectors = np.arange(6, dtype=np.float32).reshape(2, 3)
    layer = StoredLayer(info("vector", 1, 1, 3), {"vector": vectors})
    np.testing.assert_array_equal(pooled_parts(layer, slice(0, 2), pooling, 3)[:, 0], vectors)
    assert unit_of(layer.info, pooling) == "descriptors"


def test_the_class_token_is_pooled_alone():
    layer = StoredLayer(
        info("map", 1, 1, 2, has_cls=True), {"map": np.zeros((1, 1, 2)), "cls": np.ones((1, 2))}
    )
    assert pooled_parts(layer, slice(0, 1), "cls", 1).tolist() == [[[1, 1]]]
    assert pooled_parts(layer, slice(0, 1), "max", 1).tolist() == [[[0, 0]]]


def test_the_global_vector_is_one_more_region():
    layer = map_layer(np.random.default_rng(1).random((1, 4, 6, 2)))
    regions = pooled_parts(layer, slice(0, 1), "rmac", 2)
    with_global = pooled_parts(layer, slice(0, 1), "rmac_global", 2)
    np.testing.assert_array_equal(with_global[:, :-1], regions)
    np.testing.assert_array_equal(with_global[:, -1], regions.max(axis=1))
    assert with_global.shape[1] == parts_per_row(layer.info, "rmac_global", 2)


def test_cls_names_the_layer_without_a_class_token_and_those_with_one():
    infos = [info(name="stem"), info(name="late", has_cls=True), info("vector", name="embedding")]
    with pytest.raises(StrataError, match=r"'stem' has no class token.*late, embedding"):
        check_poolable(infos, "cls", 3)
    check_poolable(infos[1:], "cls", 3)


def test_more_levels_than_stored_are_refused_where_they_matter():
    with pytest.raises(StrataError, match=r"pool.levels = 4.*'early'.*3 levels"):
        check_poolable([info("regions")], "rmac", 4)
    check_poolable([info("regions")], "avg", 4)
    check_poolable([info("map")], "rmac", 4)
