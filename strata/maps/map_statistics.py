"""From a batch of dense maps to what is kept of them: maxima over R-MAC regions, mean and generalised mean.

On the device, while pictures stream by; ``descriptors.pooling`` makes descriptors of what was kept.

The maximum over a region is taken from maxima over the strips between the regions' edges: the map is read
once whatever the number of levels, and the result is the same to the bit, for a maximum knows no rounding.
Maps are worked on a piece at a time, so memory stays near that of the maps themselves.

GeM is (mean of max(x, 1e-6)^p)^(1/p) (Radenovic, Tolias and Chum 2018, eq. 3). Maps of a first convolution
and of ViT tokens are signed: the clamp drops their negative half, and nothing is done about it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from strata.base.errors import StrataError
from strata.maps.features import GEM_FLOOR
from strata.maps.rmac_regions import cover_all, region_boxes

FLOAT16_MAX = 65_504.0
SAFE_POWER = 6.0  # 65504^6 over any number of positions is finite in float32, 1e-6^6 not yet 0
PIECE_ELEMENTS = 1 << 20  # of the maps, worked on at a time: 4 MiB of float32 stay near the processor
SHORT_ROW = 32  # positions: comparing rows of fewer takes longer than to turn the map first
CHANNELS = 16  # the fewest worked on at a time: a cache line of a map with channels last


@dataclass(frozen=True)
class MapPooling:
    """How maps are pooled. ``position_l2``: first L2-normalise the channels of every position."""

    levels: int
    gem_p: float
    position_l2: bool


@dataclass(frozen=True)
class Pooled:
    """regions : (B, R, C) float16 in the order of ``region_boxes``; mean, gem : (B, C) float32; whole :
    (B, C) float16, the maximum of a map that the regions of level 1 do not cover. A region without a valid
    position is NaN in every channel."""

    regions: torch.Tensor
    mean: torch.Tensor
    gem: torch.Tensor
    whole: torch.Tensor | None = None


def pool_regions(maps: torch.Tensor, valid: torch.Tensor | None, pooling: MapPooling, layer: str) -> Pooled:
    """Pool a batch of maps.

    maps : (B, C, H, W), any floating type, computed with in float32; valid : (B, H, W) bool, at least one
    true a row, or None for all. Raises StrataError naming ``layer`` for values that are not finite or do
    not fit float16.
    """
    batch, channels, height, width = maps.shape
    mean = torch.empty((batch, channels), dtype=torch.float32, device=maps.device)
    gem = torch.empty_like(mean)
    whole = None if cover_all(height, width) else torch.empty_like(mean)
    if valid is None and not pooling.position_l2:  # nothing to copy: all at once costs the fewest calls
        maxima = region_maxima(maps, None, pooling.levels).float()
    else:
        count = len(region_boxes(height, width, pooling.levels))
        maxima = torch.empty((batch, count, channels), dtype=torch.float32, device=maps.device)
    for rows, at, part in _pieces(maps, pooling.position_l2):
        inside = None if valid is None else valid[rows]
        mean[rows, at], gem[rows, at] = _means(part, inside, pooling.gem_p)
        if inside is not None or pooling.position_l2:
            maxima[rows, :, at] = region_maxima(part, inside, pooling.levels)
        if whole is not None:
            shown = part if inside is None else part.masked_fill(~inside[:, None], float("-inf"))
            whole[rows, at] = shown.amax((2, 3))
    _check(mean, maxima if whole is None else whole, layer)
    return Pooled(maxima.to(torch.float16), mean, gem, None if whole is None else whole.to(torch.float16))


def keep_map(maps: torch.Tensor, valid: torch.Tensor | None, pooling: MapPooling, layer: str) -> torch.Tensor:
    """(B, H * W, C) float16: the map itself (see ``pool_regions``), row by row, NaN where not valid."""
    batch, channels, height, width = maps.shape
    kept = torch.empty((batch, height * width, channels), dtype=torch.float16, device=maps.device)
    for rows, at, part in _pieces(maps, pooling.position_l2):
        _check(part.mean((2, 3)), part, layer)
        kept[rows, :, at] = part.flatten(2).transpose(1, 2).to(torch.float16)
    if valid is not None:
        kept.masked_fill_(~valid.flatten(1)[:, :, None], float("nan"))
    return kept


def region_maxima(maps: torch.Tensor, valid: torch.Tensor | None, levels: int) -> torch.Tensor:
    """(B, R, C), the maps' dtype: the maximum over every region's valid positions, NaN where it has none."""
    if valid is not None:  # adding is several times as fast as masked_fill with a mask that is broadcast
        maps = maps + torch.zeros_like(valid, dtype=maps.dtype).masked_fill_(~valid, float("-inf"))[:, None]
    boxes = [tuple(box) for box in region_boxes(maps.shape[2], maps.shape[3], levels).tolist()]
    if maps.stride(1) > 1 and maps.shape[3] < SHORT_ROW:
        maps = maps.contiguous(memory_format=torch.channels_last)
    rows = 2
    if maps.stride(1) == 1:  # channels last, as networks give them: whole vectors of channels are compared
        maps, rows = maps.permute(0, 2, 3, 1), 1
    tiles, row_of = _strips(maps, rows, {edge for _, row, _, size in boxes for edge in (row, row + size)})
    tiles, col_of = _strips(
        tiles, rows + 1, {edge for _, _, col, size in boxes for edge in (col, col + size)}
    )
    bands = {
        (row, size): _over(tiles, rows, row_of[row], row_of[row + size])
        for row, size in {(row, size) for _, row, _, size in boxes}
    }
    maxima = torch.stack(
        [_over(bands[row, size], rows, col_of[col], col_of[col + size]) for _, row, col, size in boxes], dim=1
    )
    if valid is not None:
        maxima.masked_fill_(maxima == float("-inf"), float("nan"))
    return maxima


def _strips(values: torch.Tensor, dim: int, edges: set[int]) -> tuple[torch.Tensor, dict[int, int]]:
    """The maxima between neighbouring ``edges`` along ``dim``, and each edge's place among them.

    The values themselves where there are hardly fewer strips than positions: a small map.
    """
    if 2 * len(edges) > values.shape[dim]:
        return values, {edge: edge for edge in edges}
    ordered = sorted(edges)
    strips = [_over(values, dim, start, stop) for start, stop in itertools.pairwise(ordered)]
    return torch.stack(strips, dim), {edge: place for place, edge in enumerate(ordered)}


def _over(values: torch.Tensor, dim: int, start: int, stop: int) -> torch.Tensor:
    """The maximum over ``start`` to ``stop`` of one dimension, without it."""
    if stop - start == 1:  # nothing to compare, and amax takes its time over it
        return values.select(dim, start)
    return values.narrow(dim, start, stop - start).amax(dim)


def _pieces(maps: torch.Tensor, position_l2: bool) -> Iterator[tuple[slice, slice, torch.Tensor]]:
    """The maps as float32, some rows at a time, a large row some channels at a time: rows, channels, values.

    Each position is divided by its L2 norm if asked.
    """
    batch, channels, height, width = maps.shape
    row_step = max(1, PIECE_ELEMENTS // (channels * height * width))
    channel_step = min(channels, max(CHANNELS, PIECE_ELEMENTS // (row_step * height * width)))
    for row in range(0, batch, row_step):
        rows = slice(row, min(row + row_step, batch))
        parts = [slice(at, min(at + channel_step, channels)) for at in range(0, channels, channel_step)]
        norm = _norms(maps[rows], parts) if position_l2 else None
        for at in parts:
            part = maps[rows, at].float()
            if channel_step < channels:
                part = part.clone()  # close together, in the same order of memory
            yield rows, at, part if norm is None else part / norm


def _norms(maps: torch.Tensor, parts: list[slice]) -> torch.Tensor:
    """(B, 1, H, W): the L2 norm of every position, never 0."""
    squares = torch.zeros_like(maps[:, :1], dtype=torch.float32)
    for at in parts:
        squares += maps[:, at].float().square().sum(1, keepdim=True)
    return squares.sqrt_().clamp_min_(1e-12)


def _means(maps: torch.Tensor, valid: torch.Tensor | None, p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and generalised mean over the valid positions, (B, C) each."""
    raised = maps.clamp_min(GEM_FLOOR)
    count = torch.tensor(float(maps.shape[2] * maps.shape[3]), device=maps.device)
    if valid is not None:
        inside = valid[:, None].float()
        count = inside.sum((2, 3))
        maps = maps * inside
        raised.mul_(inside)
    if p <= SAFE_POWER:
        return maps.sum((2, 3)) / count, (raised.pow_(p).sum((2, 3)) / count).pow_(1 / p)
    top = raised.amax((2, 3), keepdim=True)
    powers = raised.div_(top).pow_(p).sum((2, 3)) / count
    return maps.sum((2, 3)) / count, powers.pow_(1 / p).mul_(top[:, :, 0, 0])


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
