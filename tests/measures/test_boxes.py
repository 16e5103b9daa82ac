"""Boxes: overlap, suppression, the Brueghel metric's golden case, its ceiling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strata.maps.rmac_regions import region_boxes
from strata.measures.boxes import (
    box_iou,
    detection_average_precision,
    overlapping,
    reached_share,
    suppress_overlaps,
)

TRUTH = (["b", "c", "d"], np.array([[0, 0, 100, 100], [50, 50, 150, 150], [10, 10, 30, 60]], float))
FOUND = (
    ["b", "z", "c", "b", "d", "c"],
    np.array(
        [
            [50, 0, 150, 100],
            [0, 0, 10, 10],
            [60, 60, 160, 160],
            [0, 0, 100, 90],
            [10, 40, 30, 60],
            [50, 50, 150, 150],
        ],
        float,
    ),
)


def cells(height: int, width: int, levels: int) -> np.ndarray:
    _, row, col, size = region_boxes(height, width, levels).T
    return np.stack([col, row, col + size, row + size], axis=1)


def greedy(scores: list[float], overlaps: np.ndarray) -> list[bool]:
    """Non-maximum suppression of one picture, as anyone would write it."""
    kept: list[int] = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if scores[i] > -np.inf and not any(overlaps[i, j] for j in kept):
            kept.append(i)
    return [i in kept for i in range(len(scores))]


def test_golden_average_precision() -> None:
    assert detection_average_precision(*FOUND, *TRUTH, 0.3) == pytest.approx(0.7555555556, abs=1e-9)
    assert detection_average_precision(*FOUND, *TRUTH, 0.5) == pytest.approx(0.2777777778, abs=1e-9)


def test_a_ground_truth_box_is_claimed_once() -> None:
    box = np.array([[0, 0, 10, 10]], float)
    assert detection_average_precision(["a", "a"], np.repeat(box, 2, 0), ["a"], box) == 1
    assert (
        detection_average_precision(["a", "a"], np.repeat(box, 2, 0), ["a", "b"], np.repeat(box, 2, 0)) == 0.5
    )


def test_iou_must_be_above_the_threshold_not_at_it() -> None:
    truth, half = np.array([[0, 0, 10, 10]], float), np.array([[0, 0, 10, 5]], float)
    assert box_iou(truth, half)[0] == 0.5
    assert detection_average_precision(["a"], half, ["a"], truth, 0.5) == 0
    assert detection_average_precision(["a"], half, ["a"], truth, 0.4999) == 1


def test_nothing_found_scores_zero() -> None:
    assert detection_average_precision(np.zeros(0, str), np.zeros((0, 4)), *TRUTH) == 0


def test_empty_boxes_overlap_nothing() -> None:
    empty = np.array([[5, 5, 5, 5], [9, 0, 3, 8]], float)
    assert (box_iou(empty, np.array([[0, 0, 10, 10]], float)) == 0).all()


def test_regions_that_only_touch_do_not_overlap() -> None:
    overlaps = overlapping(np.array([[0, 0, 2, 2], [2, 0, 4, 2], [1, 1, 3, 3]]))
    assert overlaps.tolist() == [[True, False, True], [False, True, True], [True, True, True]]


@settings(deadline=None, max_examples=50)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3)).flatmap(
        lambda shape: st.tuples(
            st.just(shape),
            arrays(
                np.float32,
                (4, len(region_boxes(*shape))),
                elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, -np.inf]),
            ),
        )
    )
)
def test_suppression_is_the_greedy_loop(case: tuple[tuple[int, int, int], np.ndarray]) -> None:
    shape, scores = case
    overlaps = overlapping(cells(*shape))
    assert suppress_overlaps(scores, overlaps).tolist() == [greedy(row.tolist(), overlaps) for row in scores]


def test_the_ceiling_is_the_share_any_region_reaches() -> None:
    truth = np.array([[0, 0, 10, 10], [0, 0, 2, 2], [0, 0, 10, 10]], float)
    regions = np.array([[0, 0, 10, 10], [5, 5, 10, 10]], float)
    assert reached_share(np.stack([regions, regions, regions * np.nan]), truth) == pytest.approx(1 / 3)


def plain_average_precision(
    pictures: list[int], boxes: list[list[float]], truth: list[tuple[int, list[float]]], threshold: float
) -> float:
    """The metric as its authors describe it, box by box."""

    def iou(a: list[float], b: list[float]) -> float:
        wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        shared = max(wide, 0) * max(high, 0)
        return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)

    used: set[int] = set()
    total = right = 0.0
    for rank, (picture, box) in enumerate(zip(pictures, boxes, strict=True), 1):
        there = [(iou(box, b), -n) for n, (p, b) in enumerate(truth) if p == picture and n not in used]
        if there and max(there)[0] > threshold:
            used.add(-max(there)[1])
            right += 1
            total += right / rank
    return total / len(truth)


box = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 5), st.integers(1, 5)).map(
    lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]]
)
placed = st.tuples(st.integers(0, 2), box)


@settings(deadline=None, max_examples=100)
@given(st.lists(placed, min_size=1, max_size=12), st.lists(placed, min_size=1, max_size=6))
def test_detection_ap_is_the_plain_loop(found: list, truth: list) -> None:
    pictures, boxes = [p for p, _ in found], [b for _, b in found]
    expected = plain_average_precision(pictures, boxes, truth, 0.3)
    truth_boxes = np.array([b for _, b in truth], float)
    assert detection_average_precision(
        pictures, np.array(boxes, float), [p for p, _ in truth], truth_boxes
    ) == pytest.approx(expected)
