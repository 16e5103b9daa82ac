"""Where a pixel of a picture lies in the square view a network sees, and back again.

Boxes are (x0, y0, x1, y1) in pixels, continuous: x0 is the left edge of the first pixel, x1 the right edge of
the last.
A view is affine, ``view_x = x * scale_x + offset_x``:

- ``center_crop``: the short side becomes S, the long one ``int(S * long / short)`` (truncated, as Resize of
  torchvision does), then the middle S x S is cut out at ``int(round((side - S) / 2.0))`` (its CenterCrop);
- ``squash``: both sides become S;
- ``letterbox``: the long side becomes S, the short one ``max(1, round(S * short / long))``, pasted at
  ``(S - side) // 2``.

A position of a map is taken as its share of the view: cell ``c`` of ``W`` covers ``c * S / W`` to
``(c + 1) * S / W``. Receptive fields are wider; no network says exactly what one of its cells has seen.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from strata.settings.params import View

Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]


class ViewTransform(NamedTuple):
    """``view_x = x * scale_x + offset_x``, ``view_y = y * scale_y + offset_y``."""

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float


def resized(width: int, height: int, size_px: int, view: View) -> tuple[int, int]:
    """(width, height) the picture is resized to before it is cropped or pasted."""
    if view == "squash":
        return size_px, size_px
    if view == "center_crop":
        short = min(width, height)
        return (
            size_px if width == short else int(size_px * width / short),
            size_px if height == short else int(size_px * height / short),
        )
    long = max(width, height)
    return (
        size_px if width == long else max(1, round(size_px * width / long)),
        size_px if height == long else max(1, round(size_px * height / long)),
    )


def view_transform(width: int, height: int, size_px: int, view: View) -> ViewTransform:
    """The view of a ``width`` x ``height`` picture in a square of ``size_px``."""
    new_width, new_height = resized(width, height, size_px, view)
    return ViewTransform(
        new_width / width, new_height / height, _offset(new_width, size_px), _offset(new_height, size_px)
    )


def picture_box_to_view(box: Box, width: int, height: int, size_px: int, view: View) -> Box:
    """A box of the picture in view pixels, clipped to the view.

    The result may be empty (x0 >= x1 or y0 >= y1): a centre crop can miss the box altogether.
    """
    scale_x, scale_y, offset_x, offset_y = view_transform(width, height, size_px, view)
    x0, y0, x1, y1 = box
    return (
        max(0.0, x0 * scale_x + offset_x),
        max(0.0, y0 * scale_y + offset_y),
        min(float(size_px), x1 * scale_x + offset_x),
        min(float(size_px), y1 * scale_y + offset_y),
    )


def map_box_to_picture(
    cells: Box, map_height: int, map_width: int, width: int, height: int, size_px: int, view: View
) -> Box:
    """A box in map cells (column0, row0, column1, row1) in picture pixels, clipped to the picture."""
    transform = np.array(view_transform(width, height, size_px, view))
    box = map_boxes_to_pictures(
        np.array(cells), map_height, map_width, transform, np.array([width, height]), size_px
    )
    x0, y0, x1, y1 = box.tolist()
    return x0, y0, x1, y1


def map_boxes_to_pictures(
    cells: npt.NDArray[Any],
    map_height: int,
    map_width: int,
    transforms: Floats,
    sizes: npt.NDArray[Any],
    size_px: int,
) -> Floats:
    """Boxes of maps in their pictures' own pixels, clipped to the picture.

    cells : (..., 4) column0, row0, column1, row1 in map cells; transforms : (..., 4) of ``view_transform``;
    sizes : (..., 2) width, height of the pictures in pixels. Leading axes broadcast. Returns (..., 4).
    """
    per_cell = size_px / np.array([map_width, map_height, map_width, map_height], np.float64)
    in_view = np.asarray(cells, np.float64) * per_cell
    scale = transforms[..., [0, 1, 0, 1]]
    offset = transforms[..., [2, 3, 2, 3]]
    limits = np.asarray(sizes, np.float64)[..., [0, 1, 0, 1]]
    return np.clip((in_view - offset) / scale, 0.0, limits)


def box_iou(first: Floats, second: Floats) -> Floats:
    """Intersection over union of boxes (..., 4) x0, y0, x1, y1; leading axes broadcast.

    An empty box has 0 with everything; NaN boxes give NaN.
    """
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    sides = np.clip(high - low, 0, None)
    shared = sides[..., 0] * sides[..., 1]
    union = _areas(first) + _areas(second) - shared
    result: Floats = shared / np.where(union > 0, union, 1.0)
    return result


def _offset(side: int, size_px: int) -> float:
    if side >= size_px:
        return -float(int(round((side - size_px) / 2.0)))  # noqa: RUF046 - torchvision's own rounding
    return float((size_px - side) // 2)


def _areas(boxes: Floats) -> Floats:
    sides = np.clip(boxes[..., 2:] - boxes[..., :2], 0, None)
    result: Floats = sides[..., 0] * sides[..., 1]
    return result
