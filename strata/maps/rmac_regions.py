"""Where the regions of R-MAC lie on a map (Tolias, Sicre and Jegou 2016, section 3.2).

Level l = 1..L lays square regions of side floor(2 * min(height, width) / (l + 1)) over the map, l of them on
the short side and l + extra on the long one, so that neighbours overlap by about 40 %. Plain numpy, no torch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

OVERLAP = 0.4  # wanted share of a region that its neighbour on the long side covers too
STEPS = np.arange(2, 8, dtype=np.float64)  # candidate numbers of level-1 regions on the long side


def region_boxes(height: int, width: int, levels: int) -> npt.NDArray[np.int64]:
    """(R, 4) int64: level (from 1), row, col, size of every region, in positions of the map.

    Ordered by level, then row, then column: the regions of fewer levels are a prefix. Regions of size 0
    (small maps, high levels) are left out; a region that several starts give stands there each time.
    Raises ValueError for a map without positions or levels below 1.
    """
    if min(height, width, levels) < 1:
        raise ValueError(f"no regions on a {height} x {width} map with {levels} levels")
    extra_rows, extra_cols = _extra_regions(height, width)
    boxes = [
        (level, row, col, size)
        for level in range(1, levels + 1)
        if (size := 2 * min(height, width) // (level + 1))
        for row in _starts(height, size, level + extra_rows)
        for col in _starts(width, size, level + extra_cols)
    ]
    return np.array(boxes, dtype=np.int64).reshape(-1, 4)


def count_regions(height: int, width: int, levels: int) -> int:
    """How many rows ``region_boxes`` has."""
    return len(region_boxes(height, width, levels))


def cover_all(height: int, width: int) -> bool:
    """Do the regions of level 1 cover the map? Up to a long side of seven times the short one they do.

    >>> cover_all(7, 49), cover_all(24, 1)
    (True, False)
    """
    reached = 0
    for _, row, col, size in region_boxes(height, width, 1).tolist():
        if row + col > reached:
            return False
        reached = row + col + size
    return reached == max(height, width)


def _extra_regions(height: int, width: int) -> tuple[int, int]:
    """How many regions the rows and the columns have beyond ``level``: none but on the long side.

    The argmin is taken in float64. Of the shapes up to 60 x 60, float32 chooses otherwise for 14 (torch) or
    16 (numpy); torch's float32 for the starts as well (cnnimageretrieval-pytorch) makes it 30 with other
    boxes at L = 3.
    """
    if height == width:
        return 0, 0
    short = float(min(height, width))
    step = (max(height, width) - short) / (STEPS - 1)
    overlap = (short * short - short * step) / (short * short)
    extra = int(np.argmin(np.abs(overlap - OVERLAP))) + 1
    return (extra, 0) if height > width else (0, extra)


def _starts(side: int, size: int, count: int) -> list[int]:
    """First positions of ``count`` regions of ``size`` spread evenly over ``side``."""
    if count == 1:
        return [0]
    return [k * (side - size) // (count - 1) for k in range(count)]
