"""A patch convolution whose patches overlap so much that it is computed in the frequency domain.

A ViT's first layer with patches of 32 pixels every 3 pixels multiplies every pixel a hundred times for every
channel. The same map by overlap-save (Oppenheim and Schafer, Discrete-Time Signal Processing, 8.7.3): picture
and kernel are split into the stride x stride phases of the pixels, which leaves small kernels at stride 1;
tiles of the phases are transformed, multiplied by the kernels' spectra, and transformed back. The way back,
most of the work, is done as matrix products, which a processor does at its full speed and in whatever order
of memory the products left; only the part of a tile that no wrap-around reaches is computed.

The result is that of the direct convolution to a few millionths of the map's range, not to the last bit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

TILES = range(16, 65, 4)  # sides of a tile that are considered
GAIN = 6.0  # operations saved below which the direct convolution, one large product, is as quick
CHANNELS = 64  # worked on at a time, with TOGETHER tiles: 40 MB of products
TOGETHER = 160


class Tiling(NamedTuple):
    """``tile``: side of a tile of phases; ``taps``: side of a phase's kernel; ``valid``: outputs a side."""

    tile: int
    taps: int

    @property
    def valid(self) -> int:
        return self.tile - self.taps + 1

    @property
    def half(self) -> int:
        """Frequencies along x: those of a real signal."""
        return self.tile // 2 + 1


def choose_tiling(convolution: nn.Conv2d) -> Tiling | None:
    """The tiling with the fewest operations; None where the direct convolution is as quick.

    >>> choose_tiling(nn.Conv2d(3, 768, kernel_size=32, stride=3))
    Tiling(tile=36, taps=11)
    >>> choose_tiling(nn.Conv2d(3, 768, kernel_size=32, stride=32)) is None
    True
    """
    kernel, stride = convolution.kernel_size[0], convolution.stride[0]
    plain = (convolution.kernel_size, convolution.stride) == ((kernel, kernel), (stride, stride))
    if not plain or convolution.groups != 1 or convolution.dilation != (1, 1):
        return None
    taps, phases = -(-kernel // stride), convolution.in_channels * stride**2
    tilings = [Tiling(tile, taps) for tile in TILES if tile > taps]
    if not tilings:
        return None
    best = min(tilings, key=lambda tiling: _operations(tiling, phases))
    direct = 2 * convolution.in_channels * kernel**2
    return best if direct > GAIN * _operations(best, phases) else None


def overlap_saved(model: nn.Module) -> bool:
    """Does any convolution of ``model`` run by overlap-save?"""
    return any(isinstance(module, OverlappingPatches) for module in model.modules())


def _operations(tiling: Tiling, phases: int) -> float:
    """For one output of one channel."""
    tile, valid, half = tiling.tile, tiling.valid, tiling.half
    return (8 * phases * tile * half + 8 * valid * tile * half + 4 * valid**2 * half) / valid**2


class OverlappingPatches(nn.Conv2d):
    """The patch convolution ``direct`` by overlap-save; on a GPU, or in another precision, as it was."""

    to_real: torch.Tensor
    to_imaginary: torch.Tensor
    along_y: torch.Tensor
    along_x: torch.Tensor

    def __init__(self, direct: nn.Conv2d, tiling: Tiling) -> None:
        down, across = (int(pixels) for pixels in direct.padding)
        super().__init__(
            direct.in_channels,
            direct.out_channels,
            direct.kernel_size[0],
            direct.stride[0],
            (down, across),
            bias=direct.bias is not None,
            device="meta",
        )
        self.weight, self.bias, self.tiling = direct.weight, direct.bias, tiling
        spectra = _spectra(direct, tiling)
        for name, values in zip(("to_real", "to_imaginary"), spectra, strict=True):
            self.register_buffer(name, values, persistent=False)
        for name, values in zip(("along_y", "along_x"), _inverse(tiling), strict=True):
            self.register_buffer(name, values, persistent=False)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, C, rows, columns), channels last."""
        if input.device.type != "cpu" or input.dtype != torch.float32:
            return super().forward(input)
        padded = functional.pad(input, self._reversed_padding_repeated_twice)
        rows, columns = ((side - self.kernel_size[0]) // self.stride[0] + 1 for side in padded.shape[2:])
        maps = torch.empty((len(padded), rows, columns, self.out_channels))
        for pixels, map_ in zip(padded, maps, strict=True):
            self._fill(map_, pixels)
        if self.bias is not None:
            maps += self.bias
        return maps.permute(0, 3, 1, 2)

    def _fill(self, map_: torch.Tensor, pixels: torch.Tensor) -> None:
        """(3, H, W) -> (rows, columns, C). A picture alone: its map depends on no other of the batch."""
        tiling = self.tiling
        down, across = (-(-side // tiling.valid) for side in map_.shape[:2])
        sides = [(number - 1) * tiling.valid + tiling.tile for number in (down, across)]
        phases = _phases(pixels, self.stride[0], sides)
        step = max(1, TOGETHER // across)
        for top in range(0, down, step):
            self._tile_rows(phases, range(top, min(top + step, down)), across, map_)

    def _tile_rows(self, phases: torch.Tensor, which: range, across: int, map_: torch.Tensor) -> None:
        """Fill in the rows of ``map_`` (rows, columns, C) that the tile rows ``which`` give."""
        tile, valid, half = self.tiling.tile, self.tiling.valid, self.tiling.half
        seen = phases[:, which.start * valid : (which.stop - 1) * valid + tile]
        tiles = seen.unfold(1, tile, valid).unfold(2, tile, valid).flatten(1, 2)
        spectra = torch.fft.rfft2(tiles).permute(2, 3, 1, 0).flatten(0, 1)  # (frequencies, tiles, phases)
        both = torch.cat([spectra.real, spectra.imag], 2)
        columns = tiles.shape[1] * CHANNELS
        room = [torch.empty(n * columns) for n in (2 * len(both), 2 * valid * half, valid**2)]  # touched once
        for start in range(0, self.out_channels, CHANNELS):
            channels = slice(start, min(start + CHANNELS, self.out_channels))
            columns = tiles.shape[1] * (channels.stop - start)
            products = room[0][: 2 * len(both) * columns].view(2, len(both), tiles.shape[1], -1)
            torch.bmm(both, self.to_real[:, :, channels], out=products[0])
            torch.bmm(both, self.to_imaginary[:, :, channels], out=products[1])
            lines = room[1][: 2 * valid * half * columns].view(2 * valid, half * columns)
            torch.mm(self.along_y, products.view(2 * tile, half * columns), out=lines)
            found = room[2][: valid**2 * columns].view(valid, valid, columns)
            torch.matmul(self.along_x, lines.view(valid, 2 * half, columns), out=found)
            _place(found.view(valid, valid, len(which), across, -1), map_[which.start * valid :, :, channels])


def _place(found: torch.Tensor, map_: torch.Tensor) -> None:
    """Tiles (y, x, down, across, C) side by side into ``map_`` (rows, columns, C), cut off where it ends."""
    valid = found.shape[0]
    for down in range(found.shape[2]):
        for across in range(found.shape[3]):
            part = map_[down * valid : (down + 1) * valid, across * valid : (across + 1) * valid]
            part.copy_(found[: part.shape[0], : part.shape[1], down, across])


def _phases(pixels: torch.Tensor, stride: int, sides: list[int]) -> torch.Tensor:
    """(3, H, W) -> (3 * stride * stride, *sides): every stride-th pixel, zeros where the picture ends."""
    height, width = (side * stride for side in sides)
    shown = pixels[:, :height, :width]
    filled = functional.pad(shown, (0, width - shown.shape[2], 0, height - shown.shape[1]))
    split = filled.reshape(len(pixels), sides[0], stride, sides[1], stride)
    return split.permute(0, 2, 4, 1, 3).reshape(-1, *sides)


def _spectra(convolution: nn.Conv2d, tiling: Tiling) -> tuple[torch.Tensor, torch.Tensor]:
    """(frequencies, 2 * phases, C) each: what real and imaginary parts side by side are multiplied with to
    give the real and the imaginary part of a correlation's spectrum."""
    stride, side = convolution.stride[0], tiling.taps * convolution.stride[0]
    missing = side - convolution.kernel_size[0]
    whole = functional.pad(convolution.weight.detach().float().cpu(), (0, missing, 0, missing))
    split = whole.reshape(*whole.shape[:2], tiling.taps, stride, tiling.taps, stride)
    kernels = split.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)
    size = (tiling.tile, tiling.tile)
    spectra = torch.fft.rfft2(kernels, s=size).conj().permute(2, 3, 1, 0).flatten(0, 1).resolve_conj()
    real, imaginary = spectra.real, spectra.imag
    return torch.cat([real, -imaginary], 1), torch.cat([imaginary, real], 1)


def _inverse(tiling: Tiling) -> tuple[torch.Tensor, torch.Tensor]:
    """The inverse transform's first ``valid`` outputs, along y and then along x.

    Along y: (2 valid, 2 tile), real and imaginary part of an output one after the other, from the real parts
    of all frequencies and then the imaginary ones. Along x: (valid, 2 half), the real part alone; a frequency
    that stands for its mirror image too counts twice.
    """
    tile, valid, half = tiling.tile, tiling.valid, tiling.half
    place = torch.arange(valid, dtype=torch.float64)[:, None]

    def waves(frequencies: int) -> torch.Tensor:
        turns = place * torch.arange(frequencies, dtype=torch.float64) / tile
        return torch.polar(torch.full_like(turns, 1 / tile), 2 * math.pi * turns)

    y, x = waves(tile), waves(half)
    twice = torch.full((half,), 2.0, dtype=torch.float64)
    twice[[0, half - 1]] = 1.0  # the tile's side is even: the last frequency is its own mirror image
    real, imaginary = torch.cat([y.real, -y.imag], 1), torch.cat([y.imag, y.real], 1)
    along_y = torch.stack([real, imaginary], 1).flatten(0, 1)
    return along_y.float(), torch.cat([x.real * twice, -x.imag * twice], 1).float()
