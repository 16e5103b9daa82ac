"""Where in a picture the winning region lies, and what that is worth as a detection."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from strata.maps.geometry import map_boxes_to_pictures
from strata.retrieval.aggregate import Metrics, group_mean
from strata.retrieval.detection import (
    IOU_THRESHOLD,
    MOST_BOXES,
    TopDetections,
    detection_average_precision,
    reached_share,
    region_overlaps,
)
from strata.retrieval.layer_vectors import Frames
from strata.retrieval.queries import ABSENT, Database, Judgement, Positions, Query, QuerySet, Task
from strata.retrieval.region_matching import RegionStore
from strata.retrieval.similarity import Floats64


def winning_boxes(
    store: RegionStore, frames: Frames, places: Positions, regions: npt.NDArray[np.integer]
) -> Floats64:
    """(M, 4) box in pixels of region ``regions[i]`` of the picture at ``places[i]``."""
    return map_boxes_to_pictures(
        store.cells[regions],
        store.height,
        store.width,
        frames.transforms[places],
        frames.sizes[places],
        frames.size_px,
    )


def all_boxes(store: RegionStore, frames: Frames, places: Positions) -> Floats64:
    """(M, R, 4) boxes in pixels of all regions of the pictures at ``places`` (M,), NaN where ABSENT."""
    boxes = map_boxes_to_pictures(
        store.cells[None],
        store.height,
        store.width,
        frames.transforms[places][:, None],
        frames.sizes[places][:, None],
        frames.size_px,
    )
    boxes[places == ABSENT] = np.nan
    return boxes


@dataclass
class DetectionScores:
    """Detection AP and ceiling of one task's queries, one after the other; NaN: nothing to find."""

    store: RegionStore
    frames: Frames
    database: Database
    groups: list[str] = field(default_factory=list)
    average_precisions: list[float] = field(default_factory=list)
    ceilings: list[float] = field(default_factory=list)

    def add(
        self, query: Query, task: Task, index: int, judged: Judgement, top: TopDetections, row: int
    ) -> None:
        """Score query ``index`` of ``task``, which is ``row`` of the block ``top`` was filled from."""
        image_ids, truth = task.boxes[index]
        self.groups.append(query.group)
        if not image_ids:
            self.average_precisions.append(np.nan)
            self.ceilings.append(np.nan)
            return
        places = np.array([self.database.position.get(image_id, ABSENT) for image_id in image_ids])
        left_out = np.append(judged.skipped, query.own) if query.own != ABSENT else judged.skipped
        found = top.of_query(row, left_out)
        boxes = winning_boxes(self.store, self.frames, found.pictures, found.regions)
        self.average_precisions.append(detection_average_precision(found.pictures, boxes, places, truth))
        self.ceilings.append(reached_share(all_boxes(self.store, self.frames, places), truth))

    def metrics(self, task: str) -> Metrics:
        """Macro over groups, as ArtMiner reports it, and micro over queries; the ceiling is macro too."""
        values, ceilings = np.array(self.average_precisions), np.array(self.ceilings)
        micro = None if np.isnan(values).all() else float(np.nanmean(values))
        return {
            f"{task}_detection_ap": group_mean(values, self.groups),
            f"{task}_detection_ap_micro": micro,
            f"{task}_detection_ceiling": group_mean(ceilings, self.groups),
            f"{task}_detection": f"IoU > {IOU_THRESHOLD}, own picture excluded, R-MAC regions, macro",
        }


def top_detections(store: RegionStore, queries: QuerySet, n_queries: int) -> TopDetections:
    """Room for the first 1,000 boxes of ``n_queries`` even when junk pictures are taken out afterwards."""
    most_junk = max(
        (
            len(task.judge(index).junk)
            for task in queries.tasks
            if task.boxes and task.junk == "skip"
            for index in range(len(queries.queries))
        ),
        default=0,
    )
    capacity = MOST_BOXES + (most_junk + 1) * len(store.boxes)
    return TopDetections(n_queries, region_overlaps(store.cells), capacity)
