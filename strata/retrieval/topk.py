"""The nearest pictures of every query, for looking at: ``topk.parquet``.

Ranks count what is shown. Junk is shown and marked, though scoring skips it; the query's own picture is not
shown where it is excluded. ``score`` is the cosine or minus the Euclidean distance. ``grade`` is the
positive grade (``good`` in the class task), ``junk``, or null. A box (in pixels of the found picture) is
where the winning region lies; null where whole pictures were compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.base.files import required
from strata.collection.tables import BOX_COLUMNS
from strata.retrieval.queries import Judgement, Positions
from strata.retrieval.similarity import Floats32, Floats64

SCHEMA = pa.schema(
    [
        *required(task=pa.string(), query_id=pa.string()),
        *required(rank=pa.int32(), image_id=pa.string(), score=pa.float32()),
        ("grade", pa.string()),
        *BOX_COLUMNS,
    ]
)


@dataclass
class Neighbours:
    """Grows by a query at a time; ``table`` gives all of them."""

    task: str
    query_ids: list[str] = field(default_factory=list)
    places: list[Positions] = field(default_factory=list)
    scores: list[Floats32] = field(default_factory=list)
    grades: list[str | None] = field(default_factory=list)
    boxes: list[Floats64] = field(default_factory=list)

    def add(
        self, query_id: str, places: Positions, scores: Floats32, judged: Judgement, boxes: Floats64
    ) -> None:
        """places : (K,) positions, nearest first; scores : (K,) theirs; boxes : (K, 4), NaN for none."""
        self.query_ids.append(query_id)
        self.places.append(places)
        self.scores.append(scores)
        self.grades.extend(grades_of(places, judged))
        self.boxes.append(boxes)

    def table(self, image_ids: Sequence[str]) -> pa.Table:
        """Rows of ``topk.parquet``; ``image_ids`` : (N,) by position."""
        counts = [len(places) for places in self.places]
        places = _joined(self.places, (0,), np.int64)
        boxes = _joined(self.boxes, (0, 4), np.float64)
        ranks = [np.arange(1, count + 1, dtype=np.int32) for count in counts]
        columns = [
            pa.array([self.task] * len(places), pa.string()),
            pa.array(self.query_ids, pa.string()).take(np.repeat(np.arange(len(counts)), counts)),
            pa.array(_joined(ranks, (0,), np.int32)),
            pa.array(image_ids, pa.string()).take(places),
            pa.array(_joined(self.scores, (0,), np.float32)),
            pa.array(self.grades, pa.string()),
            *(pa.array(boxes[:, i], pa.float64(), from_pandas=True) for i in range(4)),
        ]
        return pa.Table.from_arrays(columns, schema=SCHEMA)


def shown(places: Positions, judged: Judgement) -> Positions:
    """Indices of the ``places`` that are shown."""
    return np.flatnonzero(np.isin(places, judged.hidden, invert=True))


def grades_of(places: Positions, judged: Judgement) -> list[str | None]:
    """Grade of each position in this query's judgement."""
    names: list[str | None] = [None] * len(places)
    for at in np.flatnonzero(np.isin(places, judged.junk)).tolist():
        names[at] = "junk"
    if not len(judged.positives):
        return names
    index = np.minimum(np.searchsorted(judged.positives, places), len(judged.positives) - 1)
    for at in np.flatnonzero(judged.positives[index] == places).tolist():
        names[at] = judged.grades[index[at]] if judged.grades is not None else "good"
    return names


def _joined(parts: Sequence[npt.NDArray[Any]], empty: tuple[int, ...], dtype: type) -> npt.NDArray[Any]:
    return np.concatenate([np.zeros(empty, dtype), *parts])
