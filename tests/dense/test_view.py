"""Boxes and cells meet again, whatever the picture's shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.dense.view import cells_to_pixels, check_box, map_shape, resample

sides = st.integers(1, 20_000)


@given(sides, sides, st.sampled_from([112, 272, 512]), st.sampled_from([4, 8, 16, 32]))
def test_a_map_has_the_pictures_shape_to_within_half_a_cell(
    width: int, height: int, size_px: int, stride: int
) -> None:
    rows, columns = map_shape(width, height, size_px, stride)
    assert min(rows, columns) >= 1
    assert max(rows, columns) == max(1, round(size_px / stride))
    scale = size_px / max(width, height) / stride
    assert abs(rows - height * scale) <= 0.5 + (rows == 1) + 1e-9
    assert abs(columns - width * scale) <= 0.5 + (columns == 1) + 1e-9


@given(st.data(), sides, sides, st.sampled_from([112, 272, 512]), st.sampled_from([4, 8, 16, 32]))
def test_a_box_comes_back_from_whole_cells_to_within_a_cell(
    data: st.DataObject, width: int, height: int, size_px: int, stride: int
) -> None:
    x0, x1 = sorted(data.draw(st.tuples(*[st.floats(0, width)] * 2)))
    y0, y1 = sorted(data.draw(st.tuples(*[st.floats(0, height)] * 2)))
    shape, size = np.array(map_shape(width, height, size_px, stride)), np.array([width, height])
    box = np.array([x0, y0, x1, y1])
    cells = box * shape[[1, 0, 1, 0]] / size[[0, 1, 0, 1]]
    assert np.allclose(cells_to_pixels(cells, shape, size), box, atol=1e-6)
    cell = size[[0, 1, 0, 1]] / shape[[1, 0, 1, 0]]
    assert (np.abs(cells_to_pixels(np.rint(cells), shape, size) - box) <= cell / 2 + 1e-6).all()


def test_boxes_never_leave_the_picture() -> None:
    boxes = cells_to_pixels(np.array([[-2, -1, 50, 60]]), np.array([[20, 34]]), np.array([[600, 353]]))
    assert boxes.tolist() == [[0, 0, 600, 353]]


def test_part_of_a_picture_is_that_part() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:20, 30:50] = 200
    part = resample(picture, (30, 10, 50, 20), 40, 20, "bicubic")
    assert part.shape == (3, 20, 40)
    assert part[:, 4:-4, 4:-4].unique().tolist() == [200]
    assert resample(picture, (0, 0, 60, 40), 16, 8, "bicubic").shape == (3, 8, 16)


@pytest.mark.parametrize("box", [(5, 5, 6, 6), (-9, 0, 1, 30), (70, 10, 90, 30), (20, 10, 10, 30)])
def test_a_box_without_pixels_is_one_clear_line(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(StrataError, match=r"of the 60 x 40 picture; .* draw a larger box") as caught:
        check_box(box, 60, 40)
    assert "\n" not in str(caught.value)


def test_what_a_box_has_outside_is_cut_off() -> None:
    assert check_box((-5, -5, 80, 20), 60, 40) == (0, 0, 60, 20)
