"""A boxed detail as windows of cells: the same box at several sizes, each also mirrored."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from strata.dense.params import CONTEXT, DenseParams
from strata.dense.tower import DenseTower, Map, run_tower
from strata.dense.view import check_box, resample
from strata.maps.geometry import Box
from strata.maps.views import Picture

MOST_CELLS = 16  # of the long side of a template that is not asked for


@dataclass(frozen=True)
class Cut:
    """One template of a box: ``cells`` of its long side, and (rows, columns) it has."""

    cells: int
    shape: tuple[int, int]


def template_cuts(width: int, height: int, box: Box, tower: DenseTower, params: DenseParams) -> list[Cut]:
    """The sizes a box is looked for in: those asked for and, where they are others, the two next to the size
    it has in the map of its own picture. StrataError for a box that is no box."""
    box = check_box(box, width, height)
    long, side = max(box[2] - box[0], box[3] - box[1]), max(width, height)
    own = int(long / side * tower.size_px / tower.stride)
    least, most = min(params.cells), max(*params.cells, MOST_CELLS)
    sizes = dict.fromkeys((*params.cells, *(min(most, max(least, size)) for size in (own, own + 1))))
    return [
        Cut(cells, (_cells(box[3] - box[1], cells, long), _cells(box[2] - box[0], cells, long)))
        for cells in sizes
    ]


def cut_maps(tower: DenseTower, picture: Picture, box: Box, cells: int, mirror: bool) -> list[Map]:
    """(rows, columns, C) float16: the box's cells as the network sees them, and its mirrored twin's."""
    box = check_box(box, picture.shape[1], picture.shape[0])
    pixels, (top, left, rows, columns) = box_view(tower, picture, box, cells)
    maps = run_tower(tower, torch.stack([pixels, pixels.flip(2)] if mirror else [pixels]))
    lefts = (left, maps.shape[2] - left - columns)
    return [map_[top : top + rows, start : start + columns] for map_, start in zip(maps, lefts, strict=False)]


def box_view(
    tower: DenseTower, picture: Picture, box: Box, cells: int
) -> tuple[torch.Tensor, tuple[int, int, int, int]]:
    """The box and what surrounds it, scaled so that its long side has ``cells`` cells; and top, left, rows,
    columns of the box's cells.

    The box begins and ends with a cell: each axis has its own scale. Around it lie as many of CONTEXT cells
    as the picture has.
    """
    x0, y0, x1, y1 = box
    long = max(x1 - x0, y1 - y0)
    columns, left, right, start_x, end_x = _axis(x0, x1, picture.shape[1], cells, long)
    rows, top, bottom, start_y, end_y = _axis(y0, y1, picture.shape[0], cells, long)
    size = (left + columns + right) * tower.stride, (top + rows + bottom) * tower.stride
    pixels = resample(picture, (start_x, start_y, end_x, end_y), *size, tower.model.interpolation)
    return pixels, (top, left, rows, columns)


def _axis(low: float, high: float, side: int, cells: int, long: float) -> tuple[int, int, int, float, float]:
    """Cells of the box, before and behind it, and where in the picture they begin and end."""
    count = _cells(high - low, cells, long)
    per_cell = (high - low) / count
    before, behind = (min(CONTEXT, int(room / per_cell + 1e-9)) for room in (low, side - high))
    return (
        count,
        before,
        behind,
        max(0.0, low - before * per_cell),
        min(float(side), high + behind * per_cell),
    )


def _cells(length: float, cells: int, long: float) -> int:
    return max(1, round(length * cells / long))
