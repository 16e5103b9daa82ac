"""Were the details found where they are? The best boxes of every query, and what they are worth.

By the metric of ``strata.measures.boxes``, over the first 1,000 boxes of a query; its own picture is left
out. What the matcher's boxes cannot reach is no fault of the features, so the share of ground-truth boxes
that any of them reaches (the ceiling) belongs beside the AP.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from strata.measures.boxes import (
    IOU_THRESHOLD,
    detection_average_precision,
    reached_share,
    suppress_overlaps,
)
from strata.measures.scores import Policy, Score, Scored
from strata.retrieval.aggregate import group_mean
from strata.retrieval.matching import BoxMatcher, Matches
from strata.retrieval.queries import ABSENT, Database, Judgement, Positions, Query, Task
from strata.retrieval.similarity import UNRANKED, Floats32

MOST_BOXES = 1000  # a query


class TopDetections:
    """Keeps the best boxes of each query while blocks of pictures go by; equal scores keep picture order.

    Every picture has the same R boxes, as regions of one geometry are.
    """

    def __init__(self, n_queries: int, overlaps: npt.NDArray[np.bool_], capacity: int) -> None:
        """overlaps : (R, R) bool, which boxes overlap; capacity : boxes kept a query."""
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

    def of_query(self, query: int, without: npt.NDArray[np.int64]) -> tuple[Positions, Positions]:
        """The first 1,000 boxes of one query, none on the pictures ``without``: (M,) positions of their
        pictures, (M,) which of a picture's boxes."""
        boxes = self.boxes[query][self.scores[query] > UNRANKED]
        pictures, regions = np.divmod(boxes, len(self.overlaps))
        kept = np.flatnonzero(~np.isin(pictures, without))[:MOST_BOXES]
        return pictures[kept], regions[kept]


@dataclass
class DetectionScores:
    """Detection AP and ceiling of one task's queries, one after the other; NaN: nothing to find."""

    matcher: BoxMatcher
    database: Database
    groups: list[str] = field(default_factory=list)
    average_precisions: list[float] = field(default_factory=list)
    ceilings: list[float] = field(default_factory=list)

    def add(self, query: Query, task: Task, index: int, judged: Judgement, found: Matches, row: int) -> None:
        """Score query ``index`` of ``task``, which is ``row`` of the block that was ``found``."""
        image_ids, truth = task.boxes[index]
        self.groups.append(query.group)
        if not image_ids:
            self.average_precisions.append(np.nan)
            self.ceilings.append(np.nan)
            return
        places = np.array([self.database.position.get(image_id, ABSENT) for image_id in image_ids])
        left_out = np.append(judged.skipped, query.own) if query.own != ABSENT else judged.skipped
        pictures, boxes = found.detections(row, left_out)
        self.average_precisions.append(detection_average_precision(pictures, boxes, places, truth))
        reachable = self.matcher.reachable_boxes(places)
        self.ceilings.append(np.nan if reachable is None else reached_share(reachable, truth))

    def scored(self) -> Scored:
        """Macro over groups, as ArtMiner reports it, and micro over queries; the ceiling is macro too."""
        values, ceilings = np.array(self.average_precisions), np.array(self.ceilings)
        micro = None if np.isnan(values).all() else float(np.nanmean(values))
        scores = [
            Score("detection_ap", group_mean(values, self.groups)),
            Score("detection_ap_micro", micro),
            Score("detection_ceiling", group_mean(ceilings, self.groups)),
        ]
        how = f"IoU > {IOU_THRESHOLD}, own picture excluded, {self.matcher.boxes_are}, macro"
        return Scored(scores, [Policy("detection", how)])


def most_left_out(task: Task, n_queries: int) -> int:
    """The most pictures that are left out of a query's boxes: its own, and junk that takes no rank."""
    if task.junk != "skip":
        return 1
    return 1 + max((len(task.judge(index).junk) for index in range(n_queries)), default=0)
