"""A picture at its own aspect ratio, and where its pixels lie in the cells of a map.

The long side becomes ``size_px``, both sides whole numbers of strides, at least one; so each axis has its own
scale, and cell c of W covers c * width / W to (c + 1) * width / W of the picture. Boxes are (x0, y0, x1, y1),
continuous, as in ``maps.geometry``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from strata.base.errors import StrataError
from strata.maps.geometry import Box
from strata.maps.views import Picture

Floats = npt.NDArray[np.float64]


def map_shape(width: int, height: int, size_px: int, stride: int) -> tuple[int, int]:
    """(rows, columns) of the map of a ``width`` x ``height`` picture.

    >>> map_shape(600, 400, 272, 8)
    (23, 34)
    >>> map_shape(20_000, 40, 272, 8)
    (1, 34)
    """
    per_cell = max(width, height) * stride
    return max(1, round(height * size_px / per_cell)), max(1, round(width * size_px / per_cell))


def resample(picture: Picture, box: Box, width: int, height: int, interpolation: str) -> torch.Tensor:
    """(3, height, width) uint8: what lies in ``box`` of a (H, W, 3) picture, antialiased."""
    kind = Image.Resampling.BILINEAR if interpolation == "bilinear" else Image.Resampling.BICUBIC
    view = Image.fromarray(picture).resize((width, height), kind, box=box)
    return torch.from_numpy(np.array(view)).permute(2, 0, 1)


def cells_to_pixels(cells: npt.NDArray[Any], shapes: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> Floats:
    """Boxes in cells (..., 4) column0, row0, column1, row1 -> picture pixels, clipped to the picture.

    shapes : (..., 2) rows, columns of the maps; sizes : (..., 2) width, height of the pictures.
    """
    limits = np.asarray(sizes, np.float64)[..., [0, 1, 0, 1]]
    scale = limits / np.asarray(shapes)[..., [1, 0, 1, 0]]
    return np.asarray(np.clip(cells * scale, 0.0, limits))


def check_box(box: Box, width: int, height: int) -> Box:
    """``box`` clipped to the picture; StrataError where less than two pixels a side of it are left."""
    x0, y0, x1, y1 = box
    clipped = max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1)
    sides = max(0.0, clipped[2] - clipped[0]), max(0.0, clipped[3] - clipped[1])
    if min(sides) < 2:
        shown = ", ".join(f"{value:g}" for value in box)
        raise StrataError(
            f"box {shown}: {sides[0]:g} x {sides[1]:g} pixels of the {width} x {height} picture; a detail "
            "needs two pixels a side at least, draw a larger box"
        )
    return clipped
