"""Views and boxes: the affine map of each view, both ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from strata.maps.geometry import (
    Box,
    map_boxes_to_pictures,
    picture_box_to_view,
    resized,
    view_transform,
)
from strata.settings.params import View

VIEWS = ["center_crop", "squash", "letterbox"]
sides = st.integers(16, 5000)
sizes = st.sampled_from([16, 64, 224, 225, 800])


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


def test_center_crop_truncates_the_long_side_and_rounds_half_to_even() -> None:
    assert resized(683, 1024, 224, "center_crop") == (224, 335)  # 335.8 is truncated
    assert view_transform(683, 1024, 224, "center_crop") == (224 / 683, 335 / 1024, 0.0, -56.0)
    assert view_transform(224, 225, 224, "center_crop").offset_y == 0.0  # round(0.5) is 0
    assert view_transform(224, 227, 224, "center_crop").offset_y == -2.0  # round(1.5) is 2


def test_center_crop_places_the_picture_where_torchvision_does() -> None:
    from torchvision.transforms import v2

    picture = np.zeros((90, 157, 3), np.uint8)
    picture[30:60, 70:100] = 255
    resize = v2.Resize(64, interpolation=v2.InterpolationMode.NEAREST)
    view = np.asarray(v2.CenterCrop(64)(resize(Image.fromarray(picture))))
    rows, columns = np.nonzero(view[..., 0])
    x0, y0, x1, y1 = picture_box_to_view((70, 30, 100, 60), 157, 90, 64, "center_crop")
    assert [columns.min(), rows.min()] == pytest.approx([x0, y0], abs=1)
    assert [columns.max() + 1, rows.max() + 1] == pytest.approx([x1, y1], abs=1)


def test_letterbox_pastes_in_the_middle_with_a_whole_offset() -> None:
    assert view_transform(200, 101, 100, "letterbox") == (0.5, 50 / 101, 0.0, 25.0)
    assert view_transform(200, 98, 100, "letterbox").offset_y == 25.0
    assert resized(5000, 1, 64, "letterbox") == (64, 1)


def test_a_box_outside_the_centre_crop_is_empty() -> None:
    x0, _, x1, _ = picture_box_to_view((0, 0, 50, 100), 400, 100, 100, "center_crop")
    assert x0 >= x1


@settings(deadline=None, max_examples=50)
@given(sides, sides, sizes, st.sampled_from(VIEWS))
def test_the_whole_view_comes_back_as_the_visible_part_of_the_picture(width, height, size_px, view) -> None:
    box = map_box_to_picture((0, 0, 7, 5), 5, 7, width, height, size_px, view)
    assert 0 <= box[0] < box[2] <= width
    assert 0 <= box[1] < box[3] <= height
    if view != "center_crop":
        assert box == pytest.approx((0, 0, width, height))


@settings(deadline=None, max_examples=50)
@given(sides, sides, sizes, st.sampled_from(VIEWS), st.data())
def test_view_and_picture_are_each_others_inverse(width, height, size_px, view, data) -> None:
    fraction = st.floats(0.05, 0.95)
    x, y = data.draw(fraction) * size_px, data.draw(fraction) * size_px
    scale_x, scale_y, offset_x, offset_y = view_transform(width, height, size_px, view)
    point = ((x - offset_x) / scale_x, (y - offset_y) / scale_y)
    box = (point[0] - 1, point[1] - 1, point[0] + 1, point[1] + 1)
    seen = picture_box_to_view(box, width, height, size_px, view)
    if min(seen) > 0 and max(seen) < size_px:
        assert (seen[0] + seen[2]) / 2 == pytest.approx(x, abs=1e-6)
        assert (seen[1] + seen[3]) / 2 == pytest.approx(y, abs=1e-6)


def test_many_pictures_at_once_equal_one_at_a_time() -> None:
    cells = np.array([(0, 0, 2, 2), (1, 0, 4, 3)])
    shapes = [(100, 60), (60, 100), (77, 77)]
    for view in VIEWS:
        transforms = np.array([view_transform(*shape, 64, view) for shape in shapes])
        sizes = np.array(shapes)[:, None]
        together = map_boxes_to_pictures(cells[None], 3, 4, transforms[:, None], sizes, 64)
        for i, shape in enumerate(shapes):
            for j, box in enumerate(cells.tolist()):
                assert map_box_to_picture(box, 3, 4, *shape, 64, view) == pytest.approx(together[i, j])
