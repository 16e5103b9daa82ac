"""Descriptors: the sum of normalised parts, centring, whitening, and what they are fitted on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import strata.descriptors.transforms as descriptors
from strata.base.errors import StrataError
from strata.descriptors.transforms import (
    Transform,
    describe_rows,
    fit_set_label,
    fit_transform,
    l2_normalised,
    write_descriptors,
)
from strata.descriptors.vectors import read_vectors
from strata.descriptors.whitening import apply_whitening, read_whitening
from strata.maps.features import ROWS_SCHEMA, LayerInfo
from strata.maps.stored_layers import StoredLayer, stored_regions
from strata.settings.params import PoolParams

PLAIN = PoolParams(levels=3, center=False, whiten="none", normalize=True)
NOTHING = Transform(None, None)


def options(**changes):
    return PLAIN.model_copy(update=changes)


def map_layer(grid):
    n, height, width, channels = grid.shape
    info = LayerInfo("early", "m", "map", channels, height, width, 3, 3.0, False)
    return StoredLayer(info, {"map": grid.reshape(n, height * width, channels)})


def vector_layer(values):
    return StoredLayer(
        LayerInfo("e", "m", "vector", values.shape[1], 1, 1, 3, 3.0, False), {"vector": values}
    )


def unit(vector):
    length = np.sqrt(sum(float(v) ** 2 for v in vector))
    return vector / length if length else vector


def loop_rmac(regions, center=None, whitening=None):
    """Tolias et al. 2016, one picture's regions (R, C), a region at a time."""
    total = 0.0
    for region in regions:
        if np.isnan(region).any():
            continue
        vector = unit(region - (0 if center is None else center))
        if whitening is not None:
            vector = unit(whitening.projection @ (vector - whitening.mean))
        total = total + vector
    return unit(np.asarray(total))


def test_rmac_of_the_ramp_is_the_known_vector():
    ramp = np.arange(24, dtype=np.float32).reshape(4, 6)
    layer = map_layer(np.stack([ramp, 23 - ramp], axis=-1)[None])
    found = describe_rows(layer, 0, 1, "rmac", PLAIN, NOTHING)
    np.testing.assert_allclose(found, [[0.700612, 0.713542]], atol=1e-6)


@given(
    st.integers(2, 7), st.integers(2, 7), st.booleans(), st.sampled_from(["none", "self"]), st.integers(0, 99)
)
@settings(max_examples=25, deadline=None)
def test_rmac_equals_the_loop_with_centring_and_whitening(height, width, center, whiten, seed):
    random = np.random.default_rng(seed)
    grid = random.normal(size=(5, height, width, 3)).astype(np.float32)
    grid[1, : height // 2] = np.nan
    layer, chosen = map_layer(grid), options(center=center, whiten=whiten, levels=2)
    fitted = fit_transform(layer, np.ones(5, bool), "rmac", chosen)
    found = describe_rows(layer, 0, 5, "rmac", chosen, fitted)
    for picture, regions in zip(found, stored_regions(layer, slice(0, 5), 2), strict=True):
        np.testing.assert_allclose(picture, loop_rmac(regions, fitted.center, fitted.whitening), atol=2e-4)


def test_blocks_do_not_change_the_descriptors(monkeypatch):
    layer = map_layer(np.random.default_rng(0).random((9, 3, 3, 4)).astype(np.float32))
    whole = describe_rows(layer, 0, 9, "rmac", PLAIN, NOTHING)
    monkeypatch.setattr(descriptors, "BLOCK_BYTES", 1)
    np.testing.assert_array_equal(describe_rows(layer, 0, 9, "rmac", PLAIN, NOTHING), whole)
    np.testing.assert_array_equal(describe_rows(layer, 4, 6, "rmac", PLAIN, NOTHING), whole[4:6])


def test_centring_subtracts_the_mean_over_database_rows_alone():
    values = np.array([[1, 0], [3, 0], [100, 7]], np.float32)
    database = np.array([True, True, False])
    fitted = fit_transform(vector_layer(values), database, "avg", options(center=True))
    assert fitted.center.tolist() == [2, 0]
    found = describe_rows(vector_layer(values), 0, 3, "avg", options(center=True), fitted)
    np.testing.assert_allclose(found[:2], [[-1, 0], [1, 0]])


def test_without_normalize_the_vector_stays_as_it_is():
    values = np.array([[3, 4], [6, 8]], np.float32)
    found = describe_rows(vector_layer(values), 0, 2, "max", options(normalize=False), NOTHING)
    assert found.tolist() == [[3, 4], [6, 8]]
    assert describe_rows(vector_layer(values), 0, 1, "max", PLAIN, NOTHING)[0] == pytest.approx([0.6, 0.8])


def test_whitened_region_vectors_of_the_database_have_unit_covariance():
    grid = np.random.default_rng(3).gamma(2.0, size=(60, 4, 4, 3)).astype(np.float32)
    layer, database = map_layer(grid), np.arange(60) < 50
    whitening = fit_transform(layer, database, "rmac", options(whiten="self")).whitening
    regions = l2_normalised(stored_regions(layer, slice(0, 50), 3)).reshape(-1, 3)
    assert (whitening.n, whitening.unit) == (len(regions), "regions")
    np.testing.assert_allclose(np.cov(apply_whitening(regions, whitening).T), np.eye(3), atol=2e-3)


def test_queries_take_no_part_in_a_whitening():
    values = np.random.default_rng(4).normal(size=(30, 4)).astype(np.float32)
    database = np.arange(30) < 20
    first = fit_transform(vector_layer(values), database, "max", options(whiten="self"))
    values[20:] *= -50
    second = fit_transform(vector_layer(values), database, "max", options(whiten="self"))
    np.testing.assert_array_equal(first.whitening.projection, second.whitening.projection)


def test_a_whitening_looks_at_a_bounded_sample():
    values = np.random.default_rng(5).normal(size=(200, 3)).astype(np.float32)
    fitted = fit_transform(vector_layer(values), np.ones(200, bool), "max", options(whiten="self"), sample=10)
    assert fitted.whitening.n == 10


def test_a_row_without_valid_positions_gets_the_zero_vector():
    grid = np.ones((2, 2, 2, 3), np.float32)
    grid[1] = np.nan
    for pooling in ("max", "rmac", "rmac_global", "avg", "gem"):
        found = describe_rows(map_layer(grid), 0, 2, pooling, PLAIN, NOTHING)
        assert found[1].tolist() == [0, 0, 0]
        assert np.linalg.norm(found[0]) == pytest.approx(1)


def test_identical_pictures_cannot_be_whitened():
    with pytest.raises(StrataError, match=r"pool\.whiten.*same vector"):
        fit_transform(
            vector_layer(np.ones((5, 2), np.float32)), np.ones(5, bool), "max", options(whiten="self")
        )


def test_files_hold_the_descriptors_and_what_was_fitted(tmp_path):
    values = np.random.default_rng(6).normal(size=(8, 3)).astype(np.float32)
    entries = [
        {"row": row, "kind": "image" if row < 6 else "query", "image_id": f"p{row}", "query_id": None}
        for row in range(8)
    ]
    rows = pa.Table.from_pylist(entries, schema=ROWS_SCHEMA)
    chosen = options(whiten="self", center=True)
    fitted = write_descriptors(tmp_path, vector_layer(values), rows, "max", chosen, None)
    stored = read_vectors(tmp_path / "e.parquet")
    kept = read_whitening(tmp_path / "whitening" / "e.npz")
    assert stored.rows.equals(rows)
    np.testing.assert_array_equal(kept.projection, fitted.whitening.projection)
    np.testing.assert_array_equal(
        stored.values, describe_rows(vector_layer(values), 0, 8, "max", chosen, fitted)
    )


@pytest.mark.parametrize(
    ("center", "whiten", "label"),
    [
        (False, "none", "none"),
        (True, "none", "database (transductive)"),
        (False, "self", "database (transductive)"),
        (False, "paris", "paris"),
        (True, "paris", "paris, centred on the database (transductive)"),
    ],
)
def test_the_fit_set_is_named(center, whiten, label):
    assert fit_set_label(options(center=center, whiten=whiten)) == label
