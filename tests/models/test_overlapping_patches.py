"""The patch convolution in the frequency domain is the direct one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from strata.models.overlapping_patches import OverlappingPatches, Tiling, choose_tiling

TOLERANCE = 1e-5  # of the map's range


def both(convolution: nn.Conv2d, tiling: Tiling, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        fast = OverlappingPatches(convolution, tiling)(pixels)
        return fast, convolution.double()(pixels.double())


@settings(deadline=None, max_examples=60)
@given(
    kernel=st.integers(2, 20),
    stride=st.integers(1, 6),
    spare=st.tuples(st.integers(0, 70), st.integers(0, 70)),
    padding=st.integers(0, 5),
    tile=st.sampled_from([16, 20, 24, 32]),
    channels=st.sampled_from([1, 3, 64, 65]),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_it_is_the_direct_convolution(
    kernel: int,
    stride: int,
    spare: tuple[int, int],
    padding: int,
    tile: int,
    channels: int,
    bias: bool,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    taps = -(-kernel // stride)
    if taps >= tile:
        return
    convolution = nn.Conv2d(3, channels, kernel, stride, padding, bias=bias)
    pixels = torch.randn(2, 3, kernel + spare[0], kernel + spare[1])
    fast, exact = both(convolution, Tiling(tile, taps), pixels)
    assert fast.shape == exact.shape
    assert (fast - exact).abs().max() <= TOLERANCE * max(1.0, float(exact.abs().max()))


def test_more_tiles_than_are_worked_on_together_change_nothing() -> None:
    convolution = nn.Conv2d(3, 5, 8, 1)
    fast, exact = both(convolution, Tiling(16, 8), torch.randn(1, 3, 150, 190))  # 16 x 21 tiles
    assert (fast - exact).abs().max() <= TOLERANCE * exact.abs().max()


def test_a_picture_gives_the_same_bits_in_any_batch() -> None:
    fast = OverlappingPatches(nn.Conv2d(3, 8, 32, 3), Tiling(32, 11)).requires_grad_(False)
    pixels = torch.randn(3, 3, 100, 130)
    assert torch.equal(fast(pixels)[1:2], fast(pixels[1:2]))


def test_another_precision_runs_as_before() -> None:
    convolution = nn.Conv2d(3, 8, 32, 3).requires_grad_(False)
    fast = OverlappingPatches(convolution, Tiling(32, 11)).double()
    pixels = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    assert torch.equal(fast(pixels), convolution.double()(pixels))


@pytest.mark.parametrize(
    ("kernel", "stride", "chosen"),
    [(32, 3, True), (32, 4, True), (32, 32, False), (16, 8, False), (8, 3, False)],
)
def test_it_is_chosen_where_patches_overlap_much(kernel: int, stride: int, chosen: bool) -> None:
    assert (choose_tiling(nn.Conv2d(3, 768, kernel, stride)) is not None) == chosen


@pytest.mark.parametrize(
    "other", [{"groups": 3}, {"dilation": 2}, {"stride": (3, 2)}, {"kernel_size": (32, 31)}]
)
def test_no_other_kind_of_convolution_is_taken(other: dict[str, object]) -> None:
    arguments: dict[str, object] = {"kernel_size": 32, "stride": 3, **other}
    assert choose_tiling(nn.Conv2d(3, 9, **arguments)) is None  # type: ignore[arg-type]
