"""What boxes are worth: overlap, non-maximum suppression, detection AP, and what no ranking of them can pass.

The metric is that of ArtMiner (Shen, Efros and Aubry 2019) on Brueghel: in each picture boxes that overlap a
better one are dropped (non-maximum suppression, overlap threshold 0); the boxes of all pictures are sorted by
score; a box is right if its IoU with a ground-truth box of that picture that nothing has claimed yet is above
0.3; step AP over the number of ground-truth boxes. Boxes are (x0, y0, x1, y1).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strata.measures.average_precision import step_average_precision

Floats = npt.NDArray[np.float64]

IOU_THRESHOLD = 0.3  # a box is right strictly above it
OUT = np.float32(-np.inf)  # the score of what is not valid


def box_iou(first: Floats, second: Floats) -> Floats:
    """Intersection over union of boxes (..., 4) x0, y0, x1, y1; leading axes broadcast.

    An empty box has 0 with everything; NaN boxes give NaN.

    >>> box_iou(np.array([0, 0, 2, 2]), np.array([[1, 0, 3, 2], [5, 5, 6, 6]])).round(3).tolist()
    [0.333, 0.0]
    """
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    sides = np.clip(high - low, 0, None)
    shared = sides[..., 0] * sides[..., 1]
    union = _areas(first) + _areas(second) - shared
    result: Floats = shared / np.where(union > 0, union, 1.0)
    return result


def overlapping(boxes: npt.NDArray[np.number]) -> npt.NDArray[np.bool_]:
    """(R, R) bool: do two of the boxes (R, 4) share more than an edge?"""
    exact = boxes.astype(np.float64)
    return box_iou(exact[:, None], exact[None]) > 0


def suppress_overlaps(
    scores: npt.NDArray[np.float32], overlaps: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Greedy non-maximum suppression with overlap threshold 0, for many pictures of one geometry at once.

    scores : (M, R), -inf where a region is not valid; overlaps : (R, R) bool, true on the diagonal. Returns
    (M, R) bool: the best region of a row stays, what overlaps it goes, and so on. Ties go to the first
    region.
    """
    left = scores.copy()
    kept = np.zeros(scores.shape, np.bool_)
    rows = np.flatnonzero((left > OUT).any(axis=1))
    while len(rows):
        best = left[rows].argmax(axis=1)
        kept[rows, best] = True
        left[rows] = np.where(overlaps[best], OUT, left[rows])
        rows = rows[(left[rows] > OUT).any(axis=1)]
    return kept


def detection_average_precision(
    pictures: npt.ArrayLike,
    boxes: Floats,
    truth_pictures: npt.ArrayLike,
    truth_boxes: Floats,
    iou_threshold: float = IOU_THRESHOLD,
) -> float:
    """Step AP of boxes in ranked order over all ground-truth boxes, 0..1.

    boxes : (M, 4) on ``pictures`` (M,); truth_boxes : (G, 4) on ``truth_pictures`` (G,), G >= 1. A box
    claims the unclaimed ground-truth box of its picture that it overlaps most, if the IoU is above the
    threshold."""
    found_on, hidden_on = np.asarray(pictures), np.asarray(truth_pictures)
    overlaps = box_iou(boxes[:, None], truth_boxes[None])
    overlaps[found_on[:, None] != hidden_on[None]] = 0.0
    right = []
    for rank in np.flatnonzero((overlaps > iou_threshold).any(axis=1)).tolist():
        best = int(overlaps[rank].argmax())
        if overlaps[rank, best] > iou_threshold:
            right.append(rank)
            overlaps[:, best] = 0.0  # claimed
    return step_average_precision(np.array(right, np.int64), len(truth_boxes))


def reached_share(region_boxes: Floats, truth_boxes: Floats, iou_threshold: float = IOU_THRESHOLD) -> float:
    """Share of ground-truth boxes that any region of their picture reaches: no ranking can do better.

    region_boxes : (G, R, 4), for each of the G ground-truth boxes the regions of its picture, NaN if that
    was not read."""
    reached = (box_iou(region_boxes, truth_boxes[:, None]) > iou_threshold).any(axis=1)
    return float(reached.mean())


def _areas(boxes: Floats) -> Floats:
    sides = np.clip(boxes[..., 2:] - boxes[..., :2], 0, None)
    result: Floats = sides[..., 0] * sides[..., 1]
    return result
