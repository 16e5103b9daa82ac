"""R-MAC as the reference implementations do it: one map, a loop over levels, rows and columns of regions.

After Tolias, Sicre and Jegou 2016, section 3.2, in our own words: each region is cut out by lists of its rows
and of its columns, its maximum is L2-normalised and added. Square maps, as the benchmark's are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch.nn.functional import max_pool2d

FLOOR = 1e-6

Cut = Callable[[torch.Tensor, int, int, int], torch.Tensor]


def by_lists(maps: torch.Tensor, row: int, column: int, size: int) -> torch.Tensor:
    """(1, C, 1, 1): the maximum of a region that is cut out by lists, as the published code does."""
    rows = (row + torch.arange(size)).tolist()
    columns = (column + torch.arange(size)).tolist()
    region = maps[:, :, rows, :][:, :, :, columns]
    return max_pool2d(region, (region.shape[2], region.shape[3]))


def by_slices(maps: torch.Tensor, row: int, column: int, size: int) -> torch.Tensor:
    """(1, C, 1, 1): the same from a slice, which copies nothing: the loop at its best."""
    return maps[:, :, row : row + size, column : column + size].amax((2, 3), keepdim=True)


def maxima(maps: torch.Tensor, levels: int, cut: Cut) -> torch.Tensor:
    """(1, C, H, W) -> (R, C): the maximum of every region."""
    return torch.stack([cut(maps, *box)[0, :, 0, 0] for box in _boxes(maps, levels)])


def descriptor(maps: torch.Tensor, levels: int, cut: Cut) -> torch.Tensor:
    """(1, C, H, W) -> (C,): the sum of the L2-normalised maxima, L2-normalised."""
    total = torch.zeros(1, maps.shape[1], 1, 1)
    for box in _boxes(maps, levels):
        vector = cut(maps, *box)
        total += vector / (torch.norm(vector, p=2, dim=1, keepdim=True) + FLOOR)
    return torch.nn.functional.normalize(total[0, :, 0, 0], dim=0)


def _boxes(maps: torch.Tensor, levels: int) -> Iterator[tuple[int, int, int]]:
    side = min(maps.shape[2:])
    for level in range(1, levels + 1):
        size = math.floor(2 * side / (level + 1))
        step = (side - size) / (level - 1) if level > 1 else 0.0
        for row in range(level):
            for column in range(level):
                yield math.floor(row * step), math.floor(column * step), size
