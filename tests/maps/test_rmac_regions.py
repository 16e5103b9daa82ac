from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.maps.rmac_regions import count_regions, cover_all, region_boxes

SIDES = st.integers(1, 60)
LEVELS = st.integers(1, 8)


def slow_boxes(height: int, width: int, levels: int) -> list[tuple[int, int, int, int]]:
    """The paper's double loop, with its region centres (they cancel); starts in exact fractions."""
    short, long = min(height, width), max(height, width)
    extra = 0
    if height != width:
        candidates = []
        for steps in range(2, 8):
            step = (long - short) / (steps - 1)
            candidates.append(abs((short * short - short * step) / (short * short) - 0.4))
        extra = candidates.index(min(candidates)) + 1
    boxes = []
    for level in range(1, levels + 1):
        size = math.floor(2 * short / (level + 1))
        if size == 0:
            continue
        half = math.floor(size / 2 - 1)
        rows = level + (extra if height > width else 0)
        cols = level + (extra if width > height else 0)
        for i in range(rows):
            for j in range(cols):
                row = math.floor(half + i * Fraction(height - size, max(rows - 1, 1))) - half
                col = math.floor(half + j * Fraction(width - size, max(cols - 1, 1))) - half
                boxes.append((level, row, col, size))
    return boxes


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(7, 7, 14), (14, 14, 14), (16, 16, 14), (12, 16, 20), (24, 32, 20), (7, 14, 26), (14, 7, 26)],
)
def test_three_levels_have_the_published_number_of_regions(height: int, width: int, expected: int) -> None:
    assert count_regions(height, width, 3) == expected


def test_six_by_eight_at_two_levels_is_the_golden_list() -> None:
    expected = [
        (1, 0, 0, 6),
        (1, 0, 2, 6),
        (2, 0, 0, 4),
        (2, 0, 2, 4),
        (2, 0, 4, 4),
        (2, 2, 0, 4),
        (2, 2, 2, 4),
        (2, 2, 4, 4),
    ]
    boxes = region_boxes(6, 8, 2)
    assert boxes.dtype == np.int64
    assert boxes.tolist() == [list(box) for box in expected]


def test_rmac_of_the_golden_map() -> None:
    """protocols.md's 4 x 6 map: regions L2-normalised, summed, L2-normalised."""
    rows, cols = np.mgrid[0:4, 0:6]
    values = np.stack([6.0 * rows + cols, 23.0 - (6.0 * rows + cols)])
    total = np.zeros(2)
    for _, row, col, size in region_boxes(4, 6, 3):
        vector = values[:, row : row + size, col : col + size].max(axis=(1, 2))
        total += vector / np.linalg.norm(vector)
    np.testing.assert_allclose(total / np.linalg.norm(total), [0.700612, 0.713542], atol=1e-6)


@given(SIDES, SIDES, LEVELS)
def test_boxes_equal_the_papers_loop(height: int, width: int, levels: int) -> None:
    assert [tuple(box) for box in region_boxes(height, width, levels).tolist()] == slow_boxes(
        height, width, levels
    )


@given(SIDES, SIDES, LEVELS)
def test_regions_lie_inside_the_map_and_are_never_empty(height: int, width: int, levels: int) -> None:
    _, row, col, size = region_boxes(height, width, levels).T
    assert (size >= 1).all()
    assert (row >= 0).all()
    assert (col >= 0).all()
    assert (row + size <= height).all()
    assert (col + size <= width).all()


@given(SIDES, SIDES, st.integers(2, 8))
def test_fewer_levels_are_a_prefix(height: int, width: int, levels: int) -> None:
    deep = region_boxes(height, width, levels)
    shallow = region_boxes(height, width, levels - 1)
    np.testing.assert_array_equal(deep[: len(shallow)], shallow)
    assert (deep[len(shallow) :, 0] == levels).all()


@given(SIDES, LEVELS)
def test_level_one_of_a_square_is_the_whole_map(side: int, levels: int) -> None:
    assert region_boxes(side, side, levels)[0].tolist() == [1, 0, 0, side]


@given(SIDES, SIDES)
def test_level_one_reaches_all_four_edges(height: int, width: int) -> None:
    _, row, col, size = region_boxes(height, width, 1).T
    assert row.min() == 0
    assert col.min() == 0
    assert (row + size).max() == height
    assert (col + size).max() == width


@given(SIDES, SIDES, LEVELS)
def test_a_turned_map_has_the_turned_regions(height: int, width: int, levels: int) -> None:
    turned = region_boxes(width, height, levels)[:, [0, 2, 1, 3]]
    straight = region_boxes(height, width, levels)
    assert sorted(map(tuple, turned.tolist())) == sorted(map(tuple, straight.tolist()))


def test_regions_of_size_zero_are_skipped_and_repeats_keep_their_multiplicity() -> None:
    boxes = region_boxes(1, 1, 5)
    assert boxes.tolist() == [[1, 0, 0, 1]]
    two = region_boxes(2, 2, 3).tolist()
    assert two.count([3, 0, 0, 1]) == 4
    assert len(two) == 1 + 4 + 9


@pytest.mark.parametrize(("height", "width", "levels"), [(0, 3, 1), (3, 0, 1), (3, 3, 0)])
def test_a_map_without_positions_is_refused(height: int, width: int, levels: int) -> None:
    with pytest.raises(ValueError):
        region_boxes(height, width, levels)


@given(SIDES, SIDES)
def test_level_one_covers_the_map_or_is_said_not_to(height, width):
    covered = np.zeros((height, width), bool)
    for _, row, col, size in region_boxes(height, width, 1):
        covered[row : row + size, col : col + size] = True
    assert cover_all(height, width) == covered.all()
