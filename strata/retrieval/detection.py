"""Were the details found where they are? Boxes judged by their overlap with the ground truth.

The metric of ArtMiner (Shen, Efros and Aubry 2019) on Brueghel: the query's own picture is left out; in
each picture boxes that overlap a better one are dropped (non-maximum suppression, overlap threshold 0); the
boxes of all pictures are sorted by score and the first 1,000 kept; a box is right if its IoU with a
ground-truth box of that picture that nothing has claimed yet is above 0.3; step AP over the number of
ground-truth boxes.

The boxes are R-MAC regions: few and square. What they cannot reach is no fault of the features, so the
share of ground-truth boxes that any region reaches (the ceiling) belongs beside the AP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.maps.geometry import box_iou
from strata.measures.average_precision import step_average_precision
from strata.retrieval.ranking import UNRANKED, Floats32, Floats64

IOU_THRESHOLD = 0.3  # a box is right strictly above it
MOST_BOXES = 1000  # a query


@dataclass(frozen=True)
class Detections:
    """Boxes of one query, best first. ``pictures``: (M,) positions; ``regions``: (M,) index of the region."""

    pictures: npt.NDArray[np.int64]
    regions: npt.NDArray[np.int64]


class TopDetections:
    """Keeps the best boxes of each query while blocks of pictures go by; equal scores keep picture order."""

    def __init__(self, n_queries: int, overlaps: npt.NDArray[np.bool_], capacity: int) -> None:
        """overlaps : (R, R) bool of ``region_overlaps``; capacity : boxes kept a query."""
        self.overlaps = overlaps
        self.capacity = capacity
        self.scores: Floats32 = np.zeros((n_queries, 0), np.float32)
        self.boxes: npt.NDArray[np.int64] = np.zeros((n_queries, 0), np.int64)

    def add(self, start: int, scores: Floats32) -> None:
        """scores : (Q, B, R) of all regions of pictures ``start`` to ``start + B``, -inf where not valid.

        Blocks come in order, so a stable sort of what is kept plus what is new breaks ties by picture.
        """
        count, pictures, regions = scores.shape
        kept = suppress_overlaps(scores.reshape(-1, regions), self.overlaps)
        flat = np.where(kept, scores.reshape(-1, regions), UNRANKED).reshape(count, -1)
        numbers = start * regions + np.arange(pictures * regions)
        together = np.concatenate([self.scores, flat], axis=1)
        boxes = np.concatenate([self.boxes, np.broadcast_to(numbers, flat.shape)], axis=1)
        best = np.argsort(-together, axis=1, kind="stable")[:, : self.capacity]
        self.scores = np.take_along_axis(together, best, axis=1)
        self.boxes = np.take_along_axis(boxes, best, axis=1)

    def of_query(self, query: int, without: npt.NDArray[np.int64]) -> Detections:
        """The first 1,000 boxes of one query that are not on the pictures ``without``."""
        boxes = self.boxes[query][self.scores[query] > UNRANKED]
        pictures, regions = np.divmod(boxes, len(self.overlaps))
        kept = np.flatnonzero(~np.isin(pictures, without))[:MOST_BOXES]
        return Detections(pictures[kept], regions[kept])


def region_overlaps(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(R, R) bool: do two regions share a cell? cells : (R, 4) column0, row0, column1, row1."""
    boxes = cells.astype(np.float64)
    return box_iou(boxes[:, None], boxes[None]) > 0


def suppress_overlaps(scores: Floats32, overlaps: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Greedy non-maximum suppression with overlap threshold 0, for many pictures of one geometry at once.

    scores : (M, R), -inf where a region is not valid; overlaps : (R, R) bool, true on the diagonal. Returns
    (M, R) bool: the best region of a row stays, what overlaps it goes, and so on. Ties go to the first
    region.
    """
    left = scores.copy()
    kept = np.zeros(scores.shape, np.bool_)
    rows = np.flatnonzero((left > UNRANKED).any(axis=1))
    while len(rows):
        best = left[rows].argmax(axis=1)
        kept[rows, best] = True
        left[rows] = np.where(overlaps[best], UNRANKED, left[rows])
        rows = rows[(left[rows] > UNRANKED).any(axis=1)]
    return kept


def detection_average_precision(
    pictures: npt.ArrayLike,
    boxes: Floats64,
    truth_pictures: npt.ArrayLike,
    truth_boxes: Floats64,
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


def reached_share(
    region_boxes: Floats64, truth_boxes: Floats64, iou_threshold: float = IOU_THRESHOLD
) -> float:
    """Share of ground-truth boxes that any region of their picture reaches: no ranking can do better.

    region_boxes : (G, R, 4), for each of the G ground-truth boxes the regions of its picture, NaN if that
    was not read."""
    reached = (box_iou(region_boxes, truth_boxes[:, None]) > iou_threshold).any(axis=1)
    return float(reached.mean())
