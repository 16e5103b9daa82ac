"""The metric tables: one row a layer, one column a number, the best of each column marked."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from strata.collection.facets import suffixes
from strata.results.summary import Metrics, Number, metric_names

BOUNDS = ("_low", "_high")
BELOW = (*BOUNDS, "_chance")  # what stands below the number it belongs to
UNRANKED = ("silhouette", "train_accuracy")  # not comparable between layers; neither good nor bad
REFERENCES = ("chance", "majority")  # what guessing reaches: never the best of its column
# in metrics/*.json and in the full list, not in the tables: too many columns to read side by side
SELDOM = (
    "map_macro",
    "map_step",
    "map_trapezoid",
    "p_at_5",
    "hit_at_5",
    "mp_revisited_at_10",
    "detection_ap_micro",
)
NAMES = {
    "map": "mAP",
    "map_pca": "mAP, PCA",
    "map_in_cluster": "mAP in own cluster",
    "r_precision": "R-precision",
    "ece": "calibration error",
    "detection_ap": "detection AP",
    "n": "pictures",
    "k": "clusters",
}
PREFIXES = {
    "p_at_": "P@",
    "hit_at_": "hit@",
    "recall_at_": "recall@",
    "mp_revisited_at_": "mP@",
    "top": "top-",
}


@dataclass(frozen=True)
class Cell:
    """``below``: interval and chance; ``share``: the number for the bar under it, 0 to 1; None: no bar."""

    text: str
    below: tuple[str, ...] = ()
    best: bool = False
    share: float | None = None


@dataclass(frozen=True)
class Table:
    """``key`` says what a row is; ``columns`` are (heading, metric); ``note`` what is equal in all rows."""

    caption: str
    key: str
    columns: list[tuple[str, str]]
    rows: list[tuple[str, list[Cell]]]
    note: str


def heading(metric: str) -> str:
    """``p_at_5`` -> ``P@5``; what is not known keeps its words."""
    if metric in NAMES:
        return NAMES[metric]
    if metric in ("ami", "nmi", "ari"):
        return metric.upper()
    for prefix, shown in PREFIXES.items():
        if metric.startswith(prefix) and metric[len(prefix) :].isdigit():
            return shown + metric[len(prefix) :]
    return re.sub("^(map_)?n_", "", metric).replace("_", " ")


def without(metrics: Metrics, names: Container[str]) -> Metrics:
    """The metrics that are not among ``names``."""
    return {key: {m: v for m, v in values.items() if m not in names} for key, values in metrics.items()}


def of_task(metrics: Metrics, task: str, tasks: Sequence[str]) -> Metrics:
    """The metrics of one of the retrieval ``tasks``, without its name in front: the longest one that fits."""
    own, prefixes = f"{task}_", [f"{name}_" for name in tasks]
    return {
        key: {
            m.removeprefix(own): value
            for m, value in values.items()
            if max(filter(m.startswith, prefixes), key=len, default="") == own
        }
        for key, values in metrics.items()
    }


def of_facet(metrics: Metrics, facet: str, facets: Sequence[str]) -> Metrics:
    """The metrics of one facet, without its name behind: the longest one that fits; the main facet's have
    none."""
    endings = suffixes(facets)
    own = endings.get(facet, "")
    return {
        key: {
            m.removesuffix(own): value
            for m, value in values.items()
            if max(filter(m.endswith, endings.values()), key=len, default="") == own
        }
        for key, values in metrics.items()
    }


def metric_table(caption: str, metrics: Metrics, *, key: str = "layer", rank: bool = True) -> Table:
    """A column a number, in the order they were scored; texts and SELDOM are none.

    ``X_low``, ``X_high`` and ``X_chance`` go below their ``X``; counts equal in all rows go into the note.
    ``rank``: mark the best of a column (the rows answer the same question).
    """
    left_out = {*SELDOM, *(f"{m}{end}" for m in SELDOM for end in BELOW)}
    names = [m for m in metric_names(metrics) if m not in left_out and _numbers(metrics, m)]
    names = [m for m in names if not (m.endswith(BELOW) and m.rpartition("_")[0] in names)]
    same = [m for m in names if _is_count(metrics, m) and len(set(_numbers(metrics, m))) == 1]
    shown = [m for m in names if m not in same]
    return Table(
        caption,
        key,
        [(heading(m), m) for m in shown],
        [(row, [_cell(metrics, values, m, rank) for m in shown]) for row, values in metrics.items()],
        ", ".join(f"{heading(m)} {printed(_numbers(metrics, m)[0])}" for m in same),
    )


def every_number(metrics: Metrics) -> list[tuple[str, list[str]]]:
    """Everything the metrics hold, texts too: (metric, one string a key)."""
    return [
        (metric, [printed(values.get(metric)) for values in metrics.values()])
        for metric in metric_names(metrics)
    ]


def printed(value: Number | str | None) -> str:
    """A value as the tables print it."""
    if value is None:
        return "–"
    if isinstance(value, float) and (abs(value) <= 1 or not value.is_integer()):
        return f"{value:.3f}"
    return value if isinstance(value, str) else str(int(value))


def _cell(metrics: Metrics, values: Mapping[str, Number | str], metric: str, rank: bool) -> Cell:
    value = values.get(metric)
    if value is None or isinstance(value, str):
        return Cell(printed(value))
    low, high, chance = (values.get(metric + end) for end in BELOW)
    below = (f"{printed(low)} – {printed(high)}",) if low is not None and high is not None else ()
    if chance is not None:
        below = (*below, f"chance {printed(chance)}")
    if isinstance(value, int) or any(word in metric for word in REFERENCES):
        return Cell(printed(value), below)
    numbers = _numbers(metrics, metric)
    best = rank and metric not in UNRANKED and len(set(numbers)) > 1 and value == max(numbers)
    share = round(value, 3) if 0 <= value <= 1 else None
    return Cell(printed(value), below, best, share)


def _is_count(metrics: Metrics, metric: str) -> bool:
    return all(isinstance(value, int) for value in _numbers(metrics, metric))


def _numbers(metrics: Metrics, metric: str) -> list[Number]:
    found: Iterable[Number | str | None] = (values.get(metric) for values in metrics.values())
    return [value for value in found if isinstance(value, (int, float))]
