from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import strata.maps.map_statistics
from strata.base.errors import StrataError
from strata.maps.map_statistics import MapPooling, keep_map, pool_regions, region_maxima
from strata.maps.rmac_regions import region_boxes

PLAIN = MapPooling(levels=3, gem_p=3.0, position_l2=False)


def slow_maxima(
    maps: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], levels: int
) -> npt.NDArray[np.float32]:
    batch, channels, height, width = maps.shape
    boxes = region_boxes(height, width, levels)
    result = np.full((batch, len(boxes), channels), np.nan, np.float32)
    for b in range(batch):
        for r, (_, row, col, size) in enumerate(boxes):
            for i in range(row, row + size):
                for j in range(col, col + size):
                    if valid[b, i, j]:
                        result[b, r] = np.fmax(result[b, r], maps[b, :, i, j])
    return result


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def masks(seed: int, batch: int, height: int, width: int) -> torch.Tensor:
    """Random masks with at least one valid position a row."""
    valid = draw(seed, batch, height, width) > 0.3
    valid[:, height // 2, width // 2] = True
    return valid


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.integers(0, 9), st.booleans())
def test_maxima_equal_the_loop_to_the_bit(
    height: int, width: int, levels: int, seed: int, masked: bool
) -> None:
    maps = draw(seed, 2, 3, height, width)
    valid = masks(seed + 1, 2, height, width) if masked else None
    everything = torch.ones(2, height, width, dtype=torch.bool)
    expected = slow_maxima(maps.numpy(), (everything if valid is None else valid).numpy(), levels)
    np.testing.assert_array_equal(region_maxima(maps, valid, levels).numpy(), expected)


def test_channels_last_gives_the_same_bits() -> None:
    maps = draw(3, 2, 5, 9, 7)
    last = maps.contiguous(memory_format=torch.channels_last)
    assert torch.equal(region_maxima(maps, None, 4), region_maxima(last, None, 4))


def test_a_region_without_valid_positions_is_nan_in_every_channel() -> None:
    valid = torch.zeros(1, 8, 8, dtype=torch.bool)
    valid[0, 0, 0] = True
    pooled = pool_regions(draw(0, 1, 4, 8, 8), valid, PLAIN, "x")
    _, row, col, _ = region_boxes(8, 8, 3).T
    for region, corner in enumerate((row == 0) & (col == 0)):
        assert torch.isnan(pooled.regions[0, region]).all().item() is not bool(corner)


def test_mean_and_gem_take_valid_positions_only() -> None:
    maps = draw(5, 3, 4, 6, 8)
    valid = masks(6, 3, 6, 8)
    pooled = pool_regions(maps, valid, PLAIN, "x")
    for b in range(3):
        inside = maps[b][:, valid[b]].double()
        torch.testing.assert_close(pooled.mean[b].double(), inside.mean(1), rtol=1e-5, atol=1e-6)
        gem = inside.clamp_min(1e-6).pow(3).mean(1).pow(1 / 3)
        torch.testing.assert_close(pooled.gem[b].double(), gem, rtol=1e-5, atol=1e-6)


def test_the_whole_maximum_is_kept_of_maps_that_level_one_does_not_cover() -> None:
    maps, valid = draw(5, 3, 4, 24, 1), masks(6, 3, 24, 1)
    for inside, pooling in ((None, PLAIN), (valid, PLAIN), (None, MapPooling(3, 3.0, True))):
        whole = pool_regions(maps, inside, pooling, "x").whole
        values = maps / maps.norm(dim=1, keepdim=True) if pooling.position_l2 else maps
        if inside is not None:
            values = values.masked_fill(~inside[:, None], float("-inf"))
        assert whole is not None
        torch.testing.assert_close(whole, values.amax((2, 3)).half())
    assert pool_regions(draw(5, 3, 4, 14, 2), None, PLAIN, "x").whole is None


def test_an_all_valid_mask_changes_nothing() -> None:
    maps = draw(5, 3, 4, 6, 8)
    plain = pool_regions(maps, None, PLAIN, "x")
    masked = pool_regions(maps, torch.ones(3, 6, 8, dtype=torch.bool), PLAIN, "x")
    assert torch.equal(plain.regions, masked.regions)
    torch.testing.assert_close(plain.mean, masked.mean)
    torch.testing.assert_close(plain.gem, masked.gem)


def test_gem_of_one_two_three_four_is_the_golden_number() -> None:
    maps = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 2, 2)
    assert pool_regions(maps, None, PLAIN, "x").gem.item() == pytest.approx(2.92402, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 20.0), st.integers(0, 9))
def test_gem_equals_its_formula_in_float64(p: float, seed: int) -> None:
    maps = draw(seed, 1, 2, 5, 4).abs()
    expected = maps.double().clamp_min(1e-6).pow(p).mean((2, 3)).pow(1 / p)
    gem = pool_regions(maps, None, MapPooling(1, p, False), "x").gem
    torch.testing.assert_close(gem.double(), expected, rtol=1e-4, atol=1e-9)


def test_a_large_gem_exponent_overflows_nothing() -> None:
    maps = torch.tensor([10.0, 2000.0, 3.0, 4.0]).reshape(1, 1, 2, 2)
    gem = pool_regions(maps, None, MapPooling(1, 100.0, False), "x").gem.item()
    assert gem == pytest.approx(2000 * 0.25 ** (1 / 100), rel=1e-5)


def test_gem_of_a_negative_channel_is_the_floor() -> None:
    assert pool_regions(-torch.ones(1, 1, 3, 3), None, PLAIN, "x").gem.item() == pytest.approx(1e-6)


def test_position_l2_normalises_positions_before_anything_else() -> None:
    maps = draw(8, 2, 5, 6, 6)
    normalised = maps / maps.norm(dim=1, keepdim=True)
    expected = pool_regions(normalised, None, PLAIN, "x")
    pooled = pool_regions(maps, None, MapPooling(3, 3.0, True), "x")
    torch.testing.assert_close(pooled.regions, expected.regions)
    torch.testing.assert_close(pooled.mean, expected.mean)


@pytest.mark.parametrize("position_l2", [False, True])
@pytest.mark.parametrize("elements", [1, 2 * 30, 2 * 7 * 30])
def test_piecewise_work_changes_no_maximum(
    monkeypatch: pytest.MonkeyPatch, position_l2: bool, elements: int
) -> None:
    maps = draw(9, 5, 7, 6, 5)
    whole = pool_regions(maps, None, MapPooling(3, 3.0, position_l2), "x")
    monkeypatch.setattr(strata.maps.map_statistics, "PIECE_ELEMENTS", elements)
    monkeypatch.setattr(strata.maps.map_statistics, "CHANNELS", 2)
    sliced = pool_regions(maps, None, MapPooling(3, 3.0, position_l2), "x")
    torch.testing.assert_close(sliced.regions, whole.regions)
    torch.testing.assert_close(sliced.mean, whole.mean)
    torch.testing.assert_close(sliced.gem, whole.gem)


def test_a_kept_map_is_in_row_order_with_nan_outside() -> None:
    maps = draw(1, 1, 3, 2, 4)
    valid = torch.ones(1, 2, 4, dtype=torch.bool)
    valid[0, 1, 3] = False
    kept = keep_map(maps, valid, PLAIN, "x")
    assert kept.shape == (1, 8, 3)
    assert kept.dtype == torch.float16
    assert torch.equal(kept[0, 4 * 1 + 2], maps[0, :, 1, 2].half())
    assert torch.isnan(kept[0, 7]).all()
    assert torch.isfinite(kept[0, :7]).all()


def test_level_one_of_a_square_is_the_global_maximum() -> None:
    maps = draw(4, 2, 3, 10, 10)
    assert torch.equal(pool_regions(maps, None, PLAIN, "x").regions[:, 0], maps.amax((2, 3)).half())


@pytest.mark.parametrize("work", [pool_regions, keep_map])
def test_values_beyond_float16_are_refused_with_the_layers_name(work) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(StrataError, match="layer stem: a value of 7e\\+04 does not fit float16"):
        work(torch.full((1, 2, 3, 3), 7e4), None, PLAIN, "stem")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("work", [pool_regions, keep_map])
def test_values_that_are_not_finite_are_refused(work, value: float) -> None:  # type: ignore[no-untyped-def]
    maps = torch.zeros(1, 2, 3, 3)
    maps[0, 1, 2, 2] = value
    with pytest.raises(StrataError, match="layer late: its values are not finite"):
        work(maps, None, PLAIN, "late")
