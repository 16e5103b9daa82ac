"""A boxed detail as windows of cells: the same box at several sizes, each also mirrored."""

from __future__ import annotations

import numpy as np
import torch

from strata.dense.params import DenseParams
from strata.dense.projection import Codes, Floats, Projection, encode, project
from strata.dense.tower import DenseTower, run_tower
from strata.dense.view import check_box, resample
from strata.maps.geometry import Box
from strata.maps.views import Picture

CONTEXT = 4  # cells around the box that the network sees as well
MOST_CELLS = 16  # of the long side of a template that is not asked for


def make_templates(
    tower: DenseTower, projection: Projection, picture: Picture, box: Box, params: DenseParams
) -> list[Codes]:
    """(rows, columns, D) int8 codes of the box's cells, for every size (and its mirrored twin).

    picture : (H, W, 3) uint8; box : in its pixels. A cell's codes are as long as its weight
    (``cell_weights``). Raises StrataError for a box that is no box.
    """
    box = check_box(box, picture.shape[1], picture.shape[0])
    found = []
    for cells in _sizes(tower, picture, box, params):
        pixels, (top, left, rows, columns) = box_view(tower, picture, box, cells)
        twins = [pixels, pixels.flip(2)] if params.mirror else [pixels]
        maps = run_tower(tower, torch.stack(twins))
        lefts = (left, maps.shape[2] - left - columns)
        for map_, start in zip(maps, lefts, strict=False):
            cut = map_[top : top + rows, start : start + columns]
            vectors = project(cut, projection) * cell_weights(rows, columns, params.focus)[..., None]
            found.append(encode(vectors))
    return found


def _sizes(tower: DenseTower, picture: Picture, box: Box, params: DenseParams) -> list[int]:
    """Long sides of the templates: those asked for and, where they are others, the two next to the size the
    box has in the map of its own picture."""
    long, side = max(box[2] - box[0], box[3] - box[1]), max(picture.shape[:2])
    own = int(long / side * tower.size_px / tower.stride)
    least, most = min(params.cells), max(*params.cells, MOST_CELLS)
    return list(dict.fromkeys((*params.cells, *(min(most, max(least, size)) for size in (own, own + 1)))))


def cell_weights(rows: int, columns: int, focus: float) -> Floats:
    """(rows, columns) float32 in 0..1: exp(-focus * (x ** 2 + y ** 2)), x and y -1 to 1 across the box.

    What is drawn around fills its box in the middle; in the corners lies what happened to be behind it.
    """
    y, x = ((np.arange(count) + 0.5) / count * 2 - 1 for count in (rows, columns))
    return np.exp(-focus * (y[:, None] ** 2 + x[None] ** 2)).astype(np.float32)


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
    count = max(1, round((high - low) * cells / long))
    per_cell = (high - low) / count
    before, behind = (min(CONTEXT, int(room / per_cell + 1e-9)) for room in (low, side - high))
    return (
        count,
        before,
        behind,
        max(0.0, low - before * per_cell),
        min(float(side), high + behind * per_cell),
    )
