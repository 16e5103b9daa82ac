"""From one line a query to the metrics of a layer: means, intervals over groups, chance.

``{task}_map`` is the mean over queries of the AP the protocol names, and ``{task}_map_low`` to ``_high``
its 95 % interval from what varies between groups (``measures.intervals.t_interval``). ``{task}_map_macro`` is
the mean of the group means. Every mean leaves out queries without positives; they are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from strata.measures.average_precision import MEASURES, REVISITED
from strata.measures.intervals import t_interval

FULL, PCA, IN_CLUSTER = "full", "pca", "in_cluster"
Metrics = dict[str, float | str | None]
EUCLIDEAN_NOTE = "same ranking as cosine: the descriptors are L2-normalised"


def task_metrics(task: str, ap: str, spaces: Mapping[str, pa.Table]) -> Metrics:
    """Metrics of one task. ``spaces``: space -> its per-query rows; ``ap``: step or trapezoid."""
    full, main = spaces[FULL], f"ap_{ap}"
    interval = t_interval(_values(full, main), _groups(full))
    metrics: Metrics = {
        "map": interval.mean,
        "map_low": interval.low,
        "map_high": interval.high,
        "map_n_groups": interval.n_groups,
        "map_chance": mean(full, f"chance_{ap}"),
        "map_macro": group_mean(_values(full, main), _groups(full)),
        "map_step": mean(full, "ap_step"),
        "map_trapezoid": mean(full, "ap_trapezoid"),
    }
    for name in MEASURES[2:]:
        if name == REVISITED and ap != "trapezoid":
            continue  # it belongs to a protocol with trapezoidal AP and would only confuse elsewhere
        metrics[name] = mean(full, name)
        if f"chance_{name}" in full.schema.names:
            metrics[f"{name}_chance"] = mean(full, f"chance_{name}")
    metrics |= {
        "map_pca": mean(spaces[PCA], main),
        "map_in_cluster": mean(spaces[IN_CLUSTER], main),
        "recall_in_cluster": mean(spaces[IN_CLUSTER], "recall_in_cluster"),
        "n_queries": full.num_rows,
        "n_without_positives": int(pc.sum(pc.equal(full["n_positives"], 0)).as_py() or 0),
        "n_unanswered": int(pc.sum(pc.equal(full["n_ranked"], 0)).as_py() or 0),
    }
    return {f"{task}_{name}": value for name, value in metrics.items()}


def best_layer(layers: Mapping[str, Mapping[str, object]], task: str) -> str:
    """``best layer late: detail_map 0.41``: the layer with the highest mAP (the earlier of equals), or that
    there is none."""
    name = f"{task}_map"
    values = {layer: value for layer, found in layers.items() if isinstance(value := found.get(name), float)}
    if not values:
        return f"no {name}: no query has a positive"
    best = max(values, key=lambda layer: values[layer])
    return f"best layer {best}: {name} {values[best]:.2f}"


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


def _groups(table: pa.Table) -> list[str]:
    groups: list[str] = table["group"].to_pylist()
    return groups
