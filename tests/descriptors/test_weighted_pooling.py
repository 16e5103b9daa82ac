"""SPoC and CroW against loops written from the papers, and the known number."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.descriptors.pooling import check_poolable, pooled_parts
from strata.descriptors.weighted_pooling import crow, spoc
from strata.maps.features import LayerInfo
from strata.maps.stored_layers import StoredLayer


def info(kind="map", height=2, width=2, channels=2):
    return LayerInfo("early", "m", kind, channels, height, width, 3, 3.0, False)


@st.composite
def maps(draw):
    """(H, W, C), positive and negative values, a margin of invalid positions (a letterbox's)."""
    height, width, channels = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    grid = np.round(random.normal(size=(height, width, channels)), 1).astype(np.float32)
    top = draw(st.integers(0, (height - 1) // 2))
    left = draw(st.integers(0, (width - 1) // 2))
    valid = np.zeros((height, width), bool)
    valid[top : height - top, left : width - left] = True
    grid[~valid] = np.nan
    return grid


def slow_spoc(grid):
    rows, columns = np.nonzero(~np.isnan(grid[..., 0]))
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    sigma = min((bottom - top) / 2, (right - left) / 2) / 3
    total = np.zeros(grid.shape[2])
    for row, column in zip(rows, columns, strict=True):
        away = (row + 0.5 - (top + bottom) / 2) ** 2 + (column + 0.5 - (left + right) / 2) ** 2
        total += math.exp(-away / (2 * sigma**2)) * grid[row, column]
    return total


def slow_crow(grid):
    """As the authors' program does it, map by map: (C, H, W) without its invalid margin, negatives at 0."""
    rows, columns = np.nonzero(~np.isnan(grid[..., 0]))
    part = grid[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].transpose(2, 0, 1)
    part = np.maximum(part, 0).astype(np.float64)
    summed = part.sum(axis=0)
    norm = (summed**2).sum() ** 0.5
    spatial = (summed / norm) ** 0.5 if norm else summed
    shares = [np.count_nonzero(channel) / channel.size for channel in part]
    weights = [math.log(sum(shares) / share) if share else 0.0 for share in shares]
    return [(channel * spatial).sum() * weight for channel, weight in zip(part, weights, strict=True)]


@given(maps())
@settings(max_examples=60, deadline=None)
def test_spoc_equals_the_loop(grid):
    found = spoc(grid.reshape(1, -1, grid.shape[2]), grid.shape[1])[0]
    np.testing.assert_allclose(found, slow_spoc(grid), rtol=1e-5, atol=1e-6)


@given(maps())
@settings(max_examples=60, deadline=None)
def test_crow_equals_the_authors_steps(grid):
    np.testing.assert_allclose(
        crow(grid.reshape(1, -1, grid.shape[2]))[0], slow_crow(grid), rtol=1e-5, atol=1e-6
    )


def test_crow_of_the_known_map_is_the_known_vector():
    grid = np.array([[[1, 0], [2, 3]], [[0, 0], [4, 1]]], np.float32)  # (C, H, W)
    np.testing.assert_allclose(crow(grid.reshape(2, 4).T[None])[0], [2.252752, 4.006556], atol=1e-6)


def test_spoc_worked_by_hand():
    grid = np.ones((1, 9, 1), np.float32)  # 3 x 3: sigma is 0.5, the edges weigh e^-2, the corners e^-4
    assert spoc(grid, 3)[0, 0] == pytest.approx(1 + 4 * math.exp(-2) + 4 * math.exp(-4))


def test_a_map_without_a_valid_position_is_nan_and_a_black_one_is_zero():
    nothing = np.full((1, 4, 2), np.nan, np.float32)
    assert np.isnan(spoc(nothing, 2)).all()
    assert np.isnan(crow(nothing)).all()
    assert crow(np.zeros((1, 4, 2), np.float32)).tolist() == [[0, 0]]


def test_pooling_takes_them_from_a_whole_map():
    grid = np.random.default_rng(0).random((3, 4, 2)).astype(np.float16)
    layer = StoredLayer(info(), {"map": grid})
    positions = grid[1:].astype(np.float32)
    np.testing.assert_array_equal(pooled_parts(layer, slice(1, 3), "spoc", 1)[:, 0], spoc(positions, 2))
    np.testing.assert_array_equal(pooled_parts(layer, slice(1, 3), "crow", 1)[:, 0], crow(positions))


@pytest.mark.parametrize("pooling", ["spoc", "crow"])
def test_they_are_refused_where_only_regions_were_kept(pooling):
    with pytest.raises(StrataError, match=rf"'{pooling}': layer 'early' keeps region maxima.*not its map"):
        check_poolable([info("map"), info("regions")], pooling, 3)
    check_poolable([info("map"), info("vector")], pooling, 3)
