"""Which positions of a map count: those of the picture, not of its padding, or those inside a box.

A position is taken as its share of the view, as in ``strata.maps.geometry``: cell c of W covers c * S / W to
(c + 1) * S / W.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strata.maps.geometry import Box

Mask = npt.NDArray[np.bool_]


def picture_mask(valid: Box, size_px: int, height: int, width: int) -> Mask:
    """(height, width) bool: positions whose centre lies in ``valid``, the picture's rectangle in view pixels.

    At least the position that holds the rectangle's centre is true.
    """
    x0, y0, x1, y1 = valid
    xs, ys = _centres(width, size_px), _centres(height, size_px)
    mask = ((ys >= y0) & (ys < y1))[:, None] & ((xs >= x0) & (xs < x1))
    return mask if mask.any() else _at_centre(valid, size_px, height, width)


def box_mask(box: Box, inside: Mask, size_px: int) -> Mask:
    """(height, width) bool: positions of ``inside`` whose cell overlaps ``box``, in view pixels.

    Where there is none (the box lies outside the view or in a sliver of it), the position nearest to its
    centre.
    """
    height, width = inside.shape
    x0, y0, x1, y1 = box
    left, top = np.arange(width) * size_px / width, np.arange(height) * size_px / height
    columns = (left < x1) & (left + size_px / width > x0)
    rows = (top < y1) & (top + size_px / height > y0)
    mask: Mask = rows[:, None] & columns & inside
    return mask if mask.any() else _at_centre(box, size_px, height, width)


def _centres(count: int, size_px: int) -> npt.NDArray[np.float64]:
    return (np.arange(count) + 0.5) * size_px / count


def _at_centre(box: Box, size_px: int, height: int, width: int) -> Mask:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    mask = np.zeros((height, width), bool)
    mask[
        min(max(int(y * height / size_px), 0), height - 1), min(max(int(x * width / size_px), 0), width - 1)
    ] = True
    return mask
