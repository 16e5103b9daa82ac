"""Regions as boxes in pixels: each picture by its own size, and what was not read by none."""

from __future__ import annotations

import numpy as np
import pytest

from strata.maps.geometry import map_box_to_picture
from strata.maps.rmac_regions import region_boxes
from strata.retrieval.boxes import all_boxes, winning_boxes
from strata.retrieval.layer_vectors import Frames
from strata.retrieval.queries import ABSENT
from strata.retrieval.region_matching import RegionStore
from strata.settings.params import View

STORE = RegionStore(np.zeros((3, 1, 1)), False, 4, 4, region_boxes(4, 4, 2), None)
SIZES = np.array([(100, 60), (60, 100), (480, 360)])


@pytest.mark.parametrize("view", ["center_crop", "squash", "letterbox"])
def test_boxes_are_those_of_the_geometry_one_at_a_time(view: View) -> None:
    frames = Frames(SIZES, view, 96)
    places, regions = np.array([2, 0, 2]), np.array([1, 0, 4])
    found = winning_boxes(STORE, frames, places, regions)
    for box, place, region in zip(found, places, regions, strict=True):
        cells = tuple(STORE.cells[region].tolist())
        width, height = SIZES[place].tolist()
        assert tuple(box) == pytest.approx(map_box_to_picture(cells, 4, 4, width, height, 96, view))
    every = all_boxes(STORE, frames, np.arange(3))
    np.testing.assert_array_equal(every[places, regions], found)


def test_a_picture_that_was_not_read_has_no_boxes() -> None:
    found = all_boxes(STORE, Frames(SIZES, "squash", 96), np.array([1, ABSENT]))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_no_pictures_have_no_boxes() -> None:
    none = np.zeros(0, np.int64)
    assert winning_boxes(STORE, Frames(SIZES, "squash", 96), none, none).shape == (0, 4)


def test_the_nominal_side_moves_a_box_by_less_than_a_pixel_of_the_view() -> None:
    for view in ("center_crop", "letterbox"):
        own = all_boxes(STORE, Frames(SIZES, view, 96), np.arange(3))
        nominal = all_boxes(STORE, Frames(SIZES, view, 224), np.arange(3))
        pixel = SIZES.min(axis=1) / 96 if view == "center_crop" else SIZES.max(axis=1) / 96
        assert (np.abs(own - nominal) < pixel[:, None, None]).all()
