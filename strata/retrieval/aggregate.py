"""From one line a query to the scores of a task: means, intervals over groups, chance.

``map`` is the mean over queries of the AP the protocol names, ``map_macro`` that of the group means. Their
95 % intervals come from what varies between groups (``measures.intervals``); where none holds the note says
why. Every mean leaves out queries without positives; they are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from strata.measures.intervals import macro_interval, t_interval
from strata.measures.measure_names import MEASURES, REVISITED
from strata.measures.scores import Score

FULL, PCA, IN_CLUSTER = "full", "pca", "in_cluster"
EUCLIDEAN_NOTE = "same ranking as cosine: the descriptors are L2-normalised"


def task_scores(ap: str, spaces: Mapping[str, pa.Table], named: Sequence[str] = ()) -> list[Score]:
    """Scores of one task. ``spaces``: space -> its per-query rows; ``ap``: step or trapezoid; ``named``:
    measures asked for by name."""
    full, main = spaces[FULL], f"ap_{ap}"
    values, groups = _values(full, main), full["group"].to_pylist()
    micro, macro = t_interval(values, groups), macro_interval(values, groups)
    scores = [
        Score("map", *micro[:3], mean(full, f"chance_{ap}"), micro.n_groups, micro.reason),
        Score("map_macro", *macro[:3], note=macro.reason),
        Score("map_step", mean(full, "ap_step")),
        Score("map_trapezoid", mean(full, "ap_trapezoid")),
    ]
    for name in (*MEASURES[2:], *named):
        if name == REVISITED and ap != "trapezoid":
            continue  # it belongs to a protocol with trapezoidal AP and would only confuse elsewhere
        chance = mean(full, f"chance_{name}") if f"chance_{name}" in full.schema.names else None
        scores.append(Score(name, mean(full, name), chance=chance))
    inside = spaces[IN_CLUSTER]
    return [
        *scores,
        Score("map", mean(spaces[PCA], main), space=PCA),
        Score("map", mean(inside, main), space=IN_CLUSTER),
        Score("recall", mean(inside, "recall_in_cluster"), space=IN_CLUSTER),
        Score("n_queries", full.num_rows),
        Score("n_without_positives", int(pc.sum(pc.equal(full["n_positives"], 0)).as_py() or 0)),
        Score("n_unanswered", int(pc.sum(pc.equal(full["n_ranked"], 0)).as_py() or 0)),
    ]


def best_layer(scores: Iterable[Score], task: str) -> str:
    """``best layer late: detail mAP 0.41``, the earlier of equal layers; or that there is none."""
    rows = [row for row in scores if (row.metric, row.task, row.space) == ("map", task, None)]
    found = [row for row in rows if row.value is not None]
    if not found:
        return f"no {task} mAP: no query has a positive"
    best = max(found, key=lambda row: row.number)
    return f"best layer {best.layer}: {task} mAP {best.value:.2f}"


def mean(table: pa.Table, column: str) -> float | None:
    """Mean over the rows that have a value, None without any."""
    values = _values(table, column)
    return None if np.isnan(values).all() else float(np.nanmean(values))


def group_mean(values: npt.NDArray[np.float64], groups: Sequence[str]) -> float | None:
    """Mean of the group means (macro average), NaN left out; None without any value."""
    kept = ~np.isnan(values)
    if not kept.any():
        return None
    _, member = np.unique(np.asarray(groups)[kept], return_inverse=True)
    means = np.bincount(member, weights=values[kept]) / np.bincount(member)
    return float(means.mean())


def _values(table: pa.Table, column: str) -> npt.NDArray[np.float64]:
    return np.asarray(table[column].to_numpy(zero_copy_only=False), np.float64)
