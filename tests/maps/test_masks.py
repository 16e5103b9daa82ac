from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from strata.maps.masks import box_mask, picture_mask

SIZE = 224
SIDES = st.integers(1, 20)
COORDINATES = st.floats(-50, 300)
FULL = (0.0, 0.0, 224.0, 224.0)


def test_a_picture_that_fills_the_view_masks_nothing() -> None:
    assert picture_mask(FULL, SIZE, 7, 9).all()


def test_padding_is_masked_by_cell_centres() -> None:
    mask = picture_mask((0.0, 48.0, 224.0, 176.0), SIZE, 7, 7)  # cells are 32 px, centres at 16, 48, 80, ...
    assert mask.any(axis=1).tolist() == [False, True, True, True, True, False, False]
    assert mask[1:5].all()


def test_a_tiny_picture_keeps_the_cell_of_its_centre() -> None:
    mask = picture_mask((100.0, 101.0, 103.0, 104.0), SIZE, 7, 7)
    assert np.argwhere(mask).tolist() == [[3, 3]]


def test_a_box_takes_every_cell_it_overlaps() -> None:
    mask = box_mask((31.0, 64.0, 65.0, 96.0), np.ones((7, 7), bool), SIZE)
    assert np.argwhere(mask).tolist() == [[2, 0], [2, 1], [2, 2]]


def test_padding_stays_masked_inside_a_box() -> None:
    inside = picture_mask((0.0, 64.0, 224.0, 160.0), SIZE, 7, 7)
    mask = box_mask(FULL, inside, SIZE)
    assert (mask == inside).all()


def test_a_box_outside_the_view_takes_the_nearest_cell() -> None:
    mask = box_mask((230.0, 0.0, 224.0, 20.0), np.ones((7, 7), bool), SIZE)  # clipped: x0 > x1
    assert np.argwhere(mask).tolist() == [[0, 6]]


@given(SIDES, SIDES, COORDINATES, COORDINATES, st.floats(0, 200), st.floats(0, 200))
def test_masks_equal_the_loop_and_are_never_empty(
    height: int, width: int, x0: float, y0: float, dx: float, dy: float
) -> None:
    box = (x0, y0, x0 + dx, y0 + dy)
    picture = picture_mask(box, SIZE, height, width)
    region = box_mask(box, np.ones((height, width), bool), SIZE)
    assert picture.any()
    assert region.any()
    cell_y, cell_x = SIZE / height, SIZE / width
    centres = np.zeros((height, width), bool)
    overlaps = np.zeros((height, width), bool)
    for i in range(height):
        for j in range(width):
            cy, cx = (i + 0.5) * SIZE / height, (j + 0.5) * SIZE / width
            centres[i, j] = box[0] <= cx < box[2] and box[1] <= cy < box[3]
            left, top = j * SIZE / width, i * SIZE / height
            overlaps[i, j] = (
                left < box[2] and left + cell_x > box[0] and top < box[3] and top + cell_y > box[1]
            )
    if centres.any():
        np.testing.assert_array_equal(picture, centres)
    else:
        assert picture.sum() == 1
    if overlaps.any():
        np.testing.assert_array_equal(region, overlaps)
    else:
        assert region.sum() == 1
