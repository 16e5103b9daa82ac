"""From a batch of dense maps to what is kept of them: maxima over R-MAC regions, mean and generalised mean.

The maximum over a region is taken from maxima over the strips between the regions' edges: the map is read
once whatever the number of levels, and the result is the same to the bit, for a maximum knows no rounding.
Maps are worked on a slice of channels at a time, so memory stays near that of the map itself.

GeM is (mean of max(x, 1e-6)^p)^(1/p) (Radenovic, Tolias and Chum 2018, eq. 3). Maps of a first convolution
and of ViT tokens are signed: the clamp drops their negative half, and nothing is done about it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from strata.errors import StrataError
from strata.regions import region_boxes

GEM_FLOOR = 1e-6
FLOAT16_MAX = 65_504.0
SLICE_ELEMENTS = 1 << 22  # of a map, worked on at a time: 16 MiB of float32


@dataclass(frozen=True)
class Pooling:
    """How maps are pooled. ``position_l2``: L2-normalise the channels of every position before anything
    else."""

    levels: int
    gem_p: float
    position_l2: bool


@dataclass(frozen=True)
class Pooled:
    """regions : (B, R, C) float16 in the order of ``region_boxes``; mean, gem : (B, C) float32. A region
    without a valid position is NaN in every channel."""

    regions: torch.Tensor
    mean: torch.Tensor
    gem: torch.Tensor


def pool_regions(maps: torch.Tensor, valid: torch.Tensor | None, pooling: Pooling, layer: str) -> Pooled:
    """Pool a batch of maps.

    maps : (B, C, H, W), any floating type, computed with in float32; valid : (B, H, W) bool, at least one
    true a row, or None for all. Raises StrataError naming ``layer`` for values that are not finite or do
    not fit float16.
    """
    batch, channels, height, width = maps.shape
    regions = torch.empty(
        (batch, len(region_boxes(height, width, pooling.levels)), channels),
        dtype=torch.float16,
        device=maps.device,
    )
    mean = torch.empty((batch, channels), dtype=torch.float32, device=maps.device)
    gem = torch.empty_like(mean)
    for at, part in _slices(maps, pooling.position_l2):
        mean[:, at], gem[:, at] = _means(part, valid, pooling.gem_p)
        maxima = region_maxima(part, valid, pooling.levels)
        _check(mean[:, at], maxima, layer)
        regions[:, :, at] = maxima.to(torch.float16)
    return Pooled(regions, mean, gem)


def keep_map(maps: torch.Tensor, valid: torch.Tensor | None, pooling: Pooling, layer: str) -> torch.Tensor:
    """(B, H * W, C) float16: the map itself, positions in row order, NaN where not valid; see
    ``pool_regions``."""
    batch, channels, height, width = maps.shape
    kept = torch.empty((batch, height * width, channels), dtype=torch.float16, device=maps.device)
    for at, part in _slices(maps, pooling.position_l2):
        _check(part.mean((2, 3)), part, layer)
        kept[:, :, at] = part.flatten(2).transpose(1, 2).to(torch.float16)
    if valid is not None:
        kept.masked_fill_(~valid.flatten(1)[:, :, None], float("nan"))
    return kept


def region_maxima(maps: torch.Tensor, valid: torch.Tensor | None, levels: int) -> torch.Tensor:
    """(B, R, C): the maximum over every region's valid positions, NaN where it has none; the maps' own
    dtype."""
    if valid is not None:
        maps = maps.masked_fill(~valid[:, None], float("-inf"))
    boxes = [tuple(box) for box in region_boxes(maps.shape[2], maps.shape[3], levels).tolist()]
    row_edges = sorted({edge for _, row, _, size in boxes for edge in (row, row + size)})
    col_edges = sorted({edge for _, _, col, size in boxes for edge in (col, col + size)})
    strips = torch.stack([maps[:, :, a:b].amax(2) for a, b in itertools.pairwise(row_edges)], dim=2)
    tiles = torch.stack([strips[:, :, :, a:b].amax(3) for a, b in itertools.pairwise(col_edges)], dim=3)
    row_of = {edge: place for place, edge in enumerate(row_edges)}
    col_of = {edge: place for place, edge in enumerate(col_edges)}
    maxima = torch.stack(
        [
            tiles[:, :, row_of[row] : row_of[row + size], col_of[col] : col_of[col + size]].amax((2, 3))
            for _, row, col, size in boxes
        ],
        dim=1,
    )
    if valid is not None:
        maxima.masked_fill_(maxima == float("-inf"), float("nan"))
    return maxima


def _slices(maps: torch.Tensor, position_l2: bool) -> Iterator[tuple[slice, torch.Tensor]]:
    """The maps as float32, a slice of channels at a time; each position divided by its L2 norm if asked."""
    batch, channels, height, width = maps.shape
    step = max(1, SLICE_ELEMENTS // max(1, batch * height * width))
    places = [slice(start, min(start + step, channels)) for start in range(0, channels, step)]
    norm = None
    if position_l2:
        norm = torch.zeros((batch, 1, height, width), dtype=torch.float32, device=maps.device)
        for at in places:
            norm += maps[:, at].float().square().sum(1, keepdim=True)
        norm = norm.sqrt_().clamp_min_(1e-12)
    for at in places:
        part = maps[:, at].float()
        yield at, part if norm is None else part / norm


def _means(maps: torch.Tensor, valid: torch.Tensor | None, p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and generalised mean over the valid positions, (B, C) each.

    Powers are taken of x / max(x): no exponent overflows.
    """
    if valid is None:
        mean = maps.mean((2, 3))
        raised = maps.clamp_min(GEM_FLOOR)
        top = raised.amax((2, 3), keepdim=True)
        return mean, (raised / top).pow_(p).mean((2, 3)).pow_(1 / p).mul_(top[:, :, 0, 0])
    inside = valid[:, None]
    count = inside.sum((2, 3)).float()
    mean = maps.masked_fill(~inside, 0.0).sum((2, 3)) / count
    raised = maps.clamp_min(GEM_FLOOR).masked_fill_(~inside, 0.0)
    top = raised.amax((2, 3), keepdim=True)
    powers = (raised / top).pow_(p).sum((2, 3)) / count
    return mean, powers.pow_(1 / p).mul_(top[:, :, 0, 0])


def _check(mean: torch.Tensor, values: torch.Tensor, layer: str) -> None:
    if not bool(torch.isfinite(mean).all()):
        raise StrataError(
            f"layer {layer}: its values are not finite; "
            "use extract.precision fp32 or another layer of the model"
        )
    largest = float(values.nan_to_num().abs().amax())
    if largest > FLOAT16_MAX:
        raise StrataError(
            f"layer {layer}: a value of {largest:.3g} does not fit float16 (at most 65504); "
            "use extract.position_l2 or another layer of the model"
        )
