"""Pooling an array gives what the words say, and what the pipeline makes of the same map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strata
from strata.base.errors import StrataError
from strata.maps.rmac_regions import region_boxes
from strata.settings.params import Pooling

SIDES = st.integers(1, 7)


def maps(height: int, width: int, count: int = 2, channels: int = 3) -> np.ndarray:
    random = np.random.default_rng(height * 100 + width)
    return random.random((count, channels, height, width), dtype=np.float32) + 0.1


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


@given(height=SIDES, width=SIDES, levels=st.integers(1, 4))
def test_rmac_is_the_sum_of_normalised_region_maxima(height: int, width: int, levels: int) -> None:
    values = maps(height, width)
    total = np.zeros((2, 3))
    for _, row, col, size in region_boxes(height, width, levels).tolist():
        total += unit(values[:, :, row : row + size, col : col + size].max(axis=(2, 3)))
    np.testing.assert_allclose(strata.pool(values, "rmac", levels=levels), unit(total), rtol=1e-5)


@given(height=SIDES, width=SIDES, power=st.floats(1, 8))
def test_gem_lies_between_mean_and_maximum(height: int, width: int, power: float) -> None:
    values = maps(height, width)
    low, gem, high = (
        strata.pool(values, name, gem_p=power, normalize=False) for name in ("avg", "gem", "max")
    )
    np.testing.assert_allclose(gem, (values**power).mean(axis=(2, 3)) ** (1 / power), rtol=1e-4)
    assert (low <= gem * 1.0001).all()
    assert (gem <= high * 1.0001).all()


@pytest.mark.parametrize("pooling", ["max", "avg", "gem", "rmac", "rmac_global"])
def test_channels_may_come_last(pooling: Pooling) -> None:
    values = maps(5, 4)
    first = strata.pool(values, pooling)
    np.testing.assert_array_equal(
        first, strata.pool(values.transpose(0, 2, 3, 1), pooling, channels_last=True)
    )
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "pooling", "said"),
    [
        (np.zeros((2, 3)), "max", r"not \(2, 3\)"),
        (np.zeros((0, 3, 4, 4)), "max", r"not \(0, 3, 4, 4\)"),
        (np.zeros((1, 3, 4, 4)), "cls", "of a map there are max, avg, gem, spoc"),
    ],
)
def test_what_cannot_be_pooled_is_one_line(values: np.ndarray, pooling: Pooling, said: str) -> None:
    with pytest.raises(StrataError, match=said):
        strata.pool(values, pooling)
